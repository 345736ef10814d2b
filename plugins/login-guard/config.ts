import { z } from 'zod'
import { cidr, duration, integer, parsePrefix, type Prefix } from '../../core/api.ts'

const MAX_NETWORKS = 1000
const networks = () => z.array(cidr()).max(MAX_NETWORKS).default([])

/** Section `[login-guard]`. */
export const LoginGuardConfig = z.strictObject({
  'half-life': duration({ min: 60, max: 86_400 }).default(600).meta({ title: 'Half-life', description: 'Time in which the points of failed logins are halved' }),
  'ban-after': integer(5, 10_000).default(20).meta({ title: 'Ban after', description: 'Points of a network after which it is banned' }),
  'ban-time': duration({ min: 60, max: 86_400 }).default(900).meta({ title: 'Ban time', description: 'Length of a first ban; each further one within a day is twice as long, up to a day' }),
  'lock-after': z.union([z.literal(0), integer(5, 10_000)]).default(0).meta({ title: 'Lock after', description: 'Points of a name after which it is refused from networks where it has not logged in before; 0: it is slowed, never locked' }),
  'known-for': duration({ min: 3600 }).default(30 * 86_400).meta({ title: 'Known for', description: 'How long a network where a user has logged in is known for that user' }),
  allow: networks().meta({ title: 'Allow', description: 'Networks whose failures count for nobody but the user name, e.g. a reverse proxy' }),
  'never-ban': networks().meta({ title: 'Never ban', description: 'Networks that are slowed but never banned, e.g. those of administrators' }),
})
export type LoginGuardConfig = z.infer<typeof LoginGuardConfig>

/** The section as the guard reads it; times in ms. */
export interface GuardSettings {
  readonly halfLifeMs: number
  readonly banAfter: number
  readonly banMs: number
  readonly lockAfter: number
  readonly knownMs: number
  readonly allow: readonly Prefix[]
  readonly neverBan: readonly Prefix[]
}

export const settingsOf = (config: LoginGuardConfig): GuardSettings => ({
  halfLifeMs: config['half-life'] * 1000,
  banAfter: config['ban-after'],
  banMs: config['ban-time'] * 1000,
  lockAfter: config['lock-after'],
  knownMs: config['known-for'] * 1000,
  allow: config.allow.flatMap((text) => parsePrefix(text) ?? []),
  neverBan: config['never-ban'].flatMap((text) => parsePrefix(text) ?? []),
})
