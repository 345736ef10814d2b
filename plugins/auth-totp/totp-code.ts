import { timingSafeEqual } from 'node:crypto'
import type * as OtpAuth from 'otpauth'
import { library } from '../../core/api.ts'

const otpauth = library<typeof OtpAuth>('otpauth')

export const STEP_MS = 30_000
/** Steps before and behind the current one whose codes count: clocks of phones are not exact. */
export const DRIFT = 1
/** Bytes of a secret: the length of SHA-1, as RFC 4226 section 4 recommends. */
export const SECRET_BYTES = 20

export const stepAt = (nowMs: number): number => Math.floor(nowMs / STEP_MS)

/** Six digits (RFC 6238, SHA-1, 30 s). */
export const codeOf = (secret: Uint8Array, step: number): string => otpauth().HOTP.generate({ secret: new (otpauth().Secret)({ buffer: bufferOf(secret) }), counter: step })

/**
 * The step whose code it is, of those that count now; undefined: none. Every one of them is computed and compared,
 * whichever matches.
 */
export function matchingStep(secret: Uint8Array, code: string, nowMs: number): number | undefined {
  const given = Buffer.from(code)
  if (given.length !== 6) return undefined
  const current = stepAt(nowMs)
  let found: number | undefined
  for (let step = current - DRIFT; step <= current + DRIFT; step++) {
    if (timingSafeEqual(Buffer.from(codeOf(secret, step), 'latin1'), given)) found = step
  }
  return found
}

/** What was typed, without the blanks that apps show in the middle; undefined: not six digits. */
export function codeIn(typed: string): string | undefined {
  const digits = typed.replace(/\s/g, '')
  return /^[0-9]{6}$/.test(digits) ? digits : undefined
}

/** For people who type it: base32 in groups of four. */
export const spelled = (secret: Uint8Array): string => base32(secret).replace(/(.{4})(?=.)/g, '$1 ')
export const base32 = (secret: Uint8Array): string => new (otpauth().Secret)({ buffer: bufferOf(secret) }).base32

/** The Key URI that authenticator apps read; what it does not name is at its default (SHA-1, six digits, 30 s). */
export function enrolmentUri(issuer: string, user: string, secret: Uint8Array): string {
  const name = encodeURIComponent(issuer)
  return `otpauth://totp/${name}:${encodeURIComponent(user).replaceAll('%40', '@')}?secret=${base32(secret)}&issuer=${name}`
}

const bufferOf = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
