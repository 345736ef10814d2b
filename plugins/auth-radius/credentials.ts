import { randomBytes } from 'node:crypto'
import { attribute } from './attributes.ts'
import type { Asked } from './channel.ts'
import { authenticatorResponse, MAX_NEW_PASSWORD, ntHash, ntResponse, sealedHash, sealedPassword } from './mschap.ts'
import { hidePassword, MAX_PASSWORD } from './password.ts'

/** How somebody proves who they are in one request. */
export interface Credentials {
  attributes: Asked['attributes']
  /** Whether the server has shown that it knows the password too; one that does not try is believed. */
  proves(success: Buffer | undefined): boolean
}

/** Undefined for a password that the protocol cannot carry. */
export function pap(password: string): Credentials | undefined {
  const bytes = Buffer.from(password)
  if (bytes.length > MAX_PASSWORD) return undefined
  return { attributes: (authenticator, secret) => [attribute('User-Password', hidePassword(bytes, authenticator, secret))], proves: () => true }
}

export function mschapv2(user: string, password: string): Credentials | undefined {
  if (password.length > MAX_NEW_PASSWORD) return undefined
  const [challenge, peer, hash] = [randomBytes(16), randomBytes(16), ntHash(password)]
  const response = ntResponse(challenge, peer, user, hash)
  return {
    // Id, flags, peer challenge, eight reserved bytes, response (RFC 2548 section 2.3.2).
    attributes: () => [attribute('MS-CHAP-Challenge', challenge), attribute('MS-CHAP2-Response', Buffer.concat([Buffer.alloc(2), peer, Buffer.alloc(8), response]))],
    proves: (success) => success === undefined || success.subarray(1, 43).toString('latin1').toUpperCase() === authenticatorResponse(hash, response, challenge, peer, user),
  }
}

const CHANGE_CODE = 7
const SEALED_CODE = 6
const FRAGMENT = 243

/** Another password instead of the old one, which the server has found to be expired (RFC 2548 sections 2.1.4 and 2.3.4). */
export function changedPassword(user: string, old: string, fresh: string, challenge: Buffer = randomBytes(16)): Credentials | undefined {
  if (fresh === '' || fresh.length > MAX_NEW_PASSWORD) return undefined
  const [peer, oldHash, hash] = [randomBytes(16), ntHash(old), ntHash(fresh)]
  const response = ntResponse(challenge, peer, user, hash)
  const sealed = sealedPassword(fresh, oldHash)
  const fragments = [0, 1, 2].map((at) => attribute('MS-CHAP-NT-Enc-PW', Buffer.concat([Buffer.from([SEALED_CODE, 0, 0, at + 1]), sealed.subarray(at * FRAGMENT, (at + 1) * FRAGMENT)])))
  const change = Buffer.concat([Buffer.from([CHANGE_CODE, 0]), sealedHash(oldHash, hash), peer, Buffer.alloc(8), response, Buffer.alloc(2)])
  return {
    attributes: () => [attribute('MS-CHAP-Challenge', challenge), ...fragments, attribute('MS-CHAP2-CPW', change)],
    proves: (success) => success === undefined || success.subarray(1, 43).toString('latin1').toUpperCase() === authenticatorResponse(hash, response, challenge, peer, user),
  }
}
