import { formatAddress, formatPrefix, GatewayError, parseAddress, parsePrefix, prefixOf, userNameProblem, type Prefix } from '../../core/api.ts'

export type BanKind = 'network' | 'user'
export interface Ban {
  readonly kind: BanKind
  /** `192.0.2.1`, `2001:db8::/64`, or a name in lower case. */
  readonly target: string
  /** Made by the guard, not by a command. */
  readonly automatic: boolean
  /** One line. */
  readonly reason: string
  /** Wall clock, ms; `until` undefined: for good. */
  readonly since: number
  readonly until: number | undefined
  /** Automatic bans of this network before, within a day of each other. */
  readonly strikes: number
}

export type BanTarget = { readonly kind: 'network'; readonly target: string; readonly prefix: Prefix } | { readonly kind: 'user'; readonly target: string }

export function prefixOfTarget(target: string): Prefix | undefined {
  const address = parseAddress(target)
  return address ? prefixOf(address, address.family === 4 ? 32 : 128) : parsePrefix(target)
}

/** What a command names: an address, a network, or else a user. Throws `USAGE`. */
export function banTarget(text: string): BanTarget {
  const address = parseAddress(text)
  const prefix = prefixOfTarget(text)
  if (prefix) return { kind: 'network', target: address ? formatAddress(address) : formatPrefix(prefix), prefix }
  const problem = /[:/]/.test(text) || /^[\d.]+$/.test(text) ? 'no address and no network' : userNameProblem(text)
  if (problem !== undefined) throw new GatewayError('USAGE', `${JSON.stringify(text.slice(0, 64))}: ${problem}`)
  return { kind: 'user', target: text.toLowerCase() }
}

/** `12 minutes`; rounded up. */
export function waitText(ms: number): string {
  const minutes = Math.max(Math.ceil(ms / 60_000), 1)
  if (minutes < 90) return `${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`
  const hours = Math.ceil(minutes / 60)
  return hours < 48 ? `${hours} hours` : `${Math.ceil(hours / 24)} days`
}

/** For the client. `leftMs` undefined: for good. */
export function banText({ kind, automatic }: Ban, leftMs: number | undefined): string {
  const again = leftMs === undefined ? 'Please contact your administrator.' : `Try again in ${waitText(leftMs)}.`
  if (kind === 'user') return `Logins of this account are not accepted. ${again}`
  return `${automatic ? 'Too many failed attempts from your network.' : 'Logins from your network are not accepted.'} ${again}`
}
