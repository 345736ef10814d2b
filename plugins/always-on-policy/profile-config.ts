import { z } from 'zod'
import { domainName, duration, ipAddress, cidr } from '../../core/api.ts'
import { pinFile } from './pin.ts'
import { serverAddress } from './server-address.ts'

/** Text that a client shows: one line. */
const label = () => z.string().trim().min(1).max(128).refine((text) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text), 'must not hold control characters')
/** XML cannot carry more than the list says, and a client reads it whole. */
const names = (max: number) => z.array(domainName({ wildcard: true })).max(max)
const pins = () => z.array(pinFile()).max(20).transform((files) => files.flat())

export const ServerSchema = z.strictObject({
  name: label(),
  address: serverAddress(),
  group: label().optional(),
  backup: z.array(serverAddress()).max(20).default([]),
  'load-balancing': z.array(serverAddress()).max(20).default([]),
  'network-roaming': z.boolean().optional(),
  'certificate-policy': z.enum(['auto', 'manual', 'none']).optional(),
  'on-demand-connect': names(100).default([]),
  'on-demand-never': names(100).default([]),
  pins: pins().default([]),
})
export type ServerConfig = z.infer<typeof ServerSchema>

const fingerprint = () =>
  z.string().transform((text) => text.replaceAll(':', '').toUpperCase()).refine((text) => /^[0-9A-F]{64}$/.test(text), 'must be the SHA-256 fingerprint of a certificate: 64 hexadecimal digits, with or without colons')
const allowedHost = () => z.union([ipAddress(), cidr(), domainName({ wildcard: true })], 'must be a name, an address or a network')

export const TrustedNetworksSchema = z.strictObject({
  domains: names(50).default([]),
  'dns-servers': z.array(ipAddress()).max(50).default([]),
  https: z.array(z.strictObject({ address: serverAddress(), 'certificate-sha256': fingerprint() })).max(20).default([]),
  inside: z.enum(['disconnect', 'connect', 'pause', 'do-nothing']).default('disconnect'),
  outside: z.enum(['connect', 'do-nothing']).default('connect'),
})

/** Settings that a user may be allowed to change in the client. */
export const USER_CONTROLLABLE = [
  'start-before-logon', 'automatic-certificate', 'auto-connect', 'minimize', 'local-lan', 'captive-portal-detection', 'auto-reconnect', 'auto-update', 'server-selection', 'clear-smartcard-pin',
] as const
export type UserControllable = (typeof USER_CONTROLLABLE)[number]

/** What the gateway refuses by itself, whatever the client thinks of it. */
export const REFUSABLE = ['other-names', 'proxies', 'missing-pin', 'other-clients'] as const
export type Refusable = (typeof REFUSABLE)[number]

const logon = () => z.enum(['single', 'single-local', 'single-no-remote'])

const plain = z.strictObject({
  groups: z.array(z.string()).max(500).default([]),
  public: z.boolean().default(false),
  refuse: z.array(z.enum(REFUSABLE)).max(REFUSABLE.length).default([]),
  servers: z.array(ServerSchema).max(200).default([]),
  backup: z.array(serverAddress()).max(20).default([]),
  pins: pins().default([]),

  'always-on': z.boolean().default(false),
  'connect-failure': z.enum(['closed', 'open']).optional(),
  'captive-portal': duration({ min: 60, max: 6000 }).refine((seconds) => seconds % 60 === 0, 'must be whole minutes').optional(),
  'last-local-rules': z.boolean().optional(),
  'allow-disconnect': z.boolean().optional(),
  'allowed-hosts': z.array(allowedHost()).max(50).optional(),
  'trusted-networks': TrustedNetworksSchema.optional(),
  'bypass-after-timeout': z.boolean().optional(),

  'start-before-logon': z.boolean().optional(),
  'automatic-certificate': z.boolean().optional(),
  'pre-connect-message': z.boolean().optional(),
  'certificate-store': z.enum(['all', 'machine', 'user']).optional(),
  'certificate-store-mac': z.enum(['all', 'system', 'login']).optional(),
  'certificate-store-override': z.boolean().optional(),
  proxy: z.enum(['native', 'ignore']).optional(),
  'allow-local-proxy': z.boolean().optional(),
  'auto-connect': z.boolean().optional(),
  minimize: z.boolean().optional(),
  'local-lan': z.boolean().optional(),
  'captive-portal-detection': z.boolean().optional(),
  'auto-reconnect': z.enum(['reconnect-after-resume', 'disconnect-on-suspend', 'off']).default('reconnect-after-resume'),
  'suspend-on-standby': z.boolean().optional(),
  'auto-update': z.boolean().optional(),
  'windows-logon': logon().optional(),
  'linux-logon': logon().optional(),
  'windows-remote-users': z.boolean().default(true),
  'linux-remote-users': z.boolean().default(true),
  'retain-on-logoff': z.enum(['off', 'same-user', 'any-user']).optional(),
  'server-selection': z.boolean().optional(),
  'authentication-timeout': duration({ min: 10, max: 120 }).default(60),
  'clear-smartcard-pin': z.boolean().optional(),
  'ip-protocols': z.array(z.enum(['ipv4', 'ipv6'])).min(1).max(2).optional(),
  'captive-portal-browser': z.boolean().optional(),
  'manual-host-input': z.boolean().optional(),
  'user-may-change': z.array(z.enum(USER_CONTROLLABLE)).max(USER_CONTROLLABLE.length).default([]),
})

/** Below `[always-on-policy.profile.NAME]`. */
export const ProfileSchema = plain.superRefine((profile, context) => {
  const refuse = (path: readonly (string | number)[], message: string): void => void context.addIssue({ code: 'custom', path: [...path], message })
  for (const key of ['connect-failure', 'captive-portal', 'last-local-rules', 'allow-disconnect', 'allowed-hosts'] as const) {
    if (profile[key] !== undefined && !profile['always-on']) refuse([key], 'has a meaning only with always-on = true')
  }
  for (const key of ['captive-portal', 'last-local-rules'] as const) {
    if (profile[key] !== undefined && profile['connect-failure'] === 'open') refuse([key], 'has a meaning only with connect-failure = "closed"')
  }
  if (profile['always-on'] && profile['trusted-networks']?.outside === 'do-nothing') refuse(['trusted-networks', 'outside'], 'must be "connect" with always-on = true')
  if (profile['bypass-after-timeout'] !== undefined && !profile['trusted-networks'] && !profile['always-on']) refuse(['bypass-after-timeout'], 'has a meaning only with trusted-networks or always-on')
  const { servers } = profile
  servers.forEach((server, index) => {
    const same = (other: ServerConfig): boolean => other.name.toLowerCase() === server.name.toLowerCase() || (other.address.text === server.address.text && other.group === server.group)
    if (servers.findIndex(same) < index) refuse(['servers', index], 'is listed twice: clients drop a server whose name or address they have already')
  })
  if (profile['ip-protocols']?.[0] !== undefined && profile['ip-protocols'][0] === profile['ip-protocols'][1]) refuse(['ip-protocols'], 'names one protocol twice')
  if (profile.refuse.includes('missing-pin') && profile.pins.length === 0 && servers.every(({ pins }) => pins.length === 0)) refuse(['refuse'], '"missing-pin" needs pins')
})
export type ProfileConfig = z.infer<typeof plain>
