import { isIP } from 'node:net'
import { z } from 'zod'
import { domainName, duration, filePath, formatAddress, parseAddress, secretFile, type GatewayConfig } from '../../core/api.ts'
import { parseDn } from './dn.ts'
import { fill, filterProblem } from './filter.ts'

const MAX_SERVERS = 8
const MAX_MAPPED = 256

export interface ServerConfig {
  /** As logs and health entries call it: `ldaps://dc1.corp.example`. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly encryption: 'tls' | 'start-tls' | 'none'
  readonly ca: string | undefined
  /** The name that the server's certificate must have. */
  readonly certificateName: string
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

interface Url {
  readonly text: string
  readonly tls: boolean
  readonly host: string
  readonly port: number
}
const serverUrl = () =>
  z.string('must be a server such as "ldaps://dc1.corp.example"').transform((text, context): Url => {
    const [, scheme = '', bracketed, plain = '', port] = /^(ldaps?):\/\/(?:\[([^\]]*)\]|([^/:?#@]+))(?::([1-9]\d{0,4}))?\/?$/i.exec(text) ?? []
    const address = parseAddress(bracketed ?? plain)
    const name = bracketed === undefined ? domainName().safeParse(plain) : undefined
    const host = address ? formatAddress(address) : name?.success === true ? name.data : undefined
    const tls = scheme.toLowerCase() === 'ldaps'
    const number = port === undefined ? (tls ? 636 : 389) : Number(port)
    if (scheme !== '' && host !== undefined && number <= 65_535) return { text: text.replace(/\/$/, ''), tls, host, port: number }
    context.issues.push({ code: 'custom', input: text, message: `${JSON.stringify(text.slice(0, 80))} is not a server such as "ldaps://dc1.corp.example" or "ldap://10.0.0.5:389"` })
    return z.NEVER
  })

/** One `[[auth-ldap.server]]` as written. */
export const ServerSchema = z.strictObject({
  'url': serverUrl().meta({ title: 'URL', description: '"ldaps://dc1.corp.example", or "ldap://…" with StartTLS; with another port than 636 or 389 behind a colon' }),
  'start-tls': z.boolean().optional().meta({ title: 'StartTLS', description: 'ldap:// alone: false sends passwords in the clear, which only a server on this machine may be asked for' }),
  'ca': filePath().optional().meta({ title: 'CA', description: 'Certificates (PEM) of who signs the server\'s; without it those of the system' }),
  'certificate-name': z.string().min(1).max(253).optional().meta({ title: 'Name in the certificate', description: 'When the server\'s certificate has another name than the one in url' }),
})
const Server = ServerSchema.transform((written, context): ServerConfig => {
  const { text, tls, host, port } = written.url
  const refuse = (key: string, message: string): void => void context.issues.push({ code: 'custom', input: written, path: [key], message })
  if (tls && written['start-tls'] !== undefined) refuse('start-tls', 'belongs to a server with ldap:// in its url')
  if (!tls && written['start-tls'] === false && !isLoopback(host)) refuse('start-tls', 'passwords would go over the network in the clear: only a server on this machine may do without')
  const encryption = tls ? 'tls' : written['start-tls'] === false ? 'none' : 'start-tls'
  return { name: text, host, port, encryption, ca: written.ca, certificateName: written['certificate-name'] ?? host }
})

const dn = () => z.string().max(4096).refine((text) => text !== '' && parseDn(text) !== undefined, 'is not a name such as "dc=corp,dc=example"')
const filter = () =>
  z.string().max(4096).superRefine((text, context) => {
    const problem = filterProblem(text)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })
const attributeName = () => z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'is not the name of an attribute')

/** Section `[auth-ldap]` as written. */
export const SectionSchema = z.strictObject({
  'server': z.array(Server).min(1).max(MAX_SERVERS).meta({ title: 'Servers', description: 'Directory servers; the first that answers is asked' }),
  'bind-dn': dn().optional().meta({ title: 'Own name', description: 'Who the gateway is for the directory when it looks for users; without it anonymous' }),
  'bind-password-file': secretFile().optional().meta({ title: 'Own password', description: 'File with the password of bind-dn' }),
  'base-dn': dn().meta({ title: 'Base', description: 'Users are looked for below it' }),
  'user-filter': filter().refine((text) => text.includes('{user}'), 'does not say where the name stands: (uid={user})').optional().meta({ title: 'User filter', description: 'Finds the entry of who logs in, (uid={user})' }),
  'user-dn': z.string().max(1024).optional().meta({ title: 'User name', description: 'Instead of a search: the name of the entry, "uid={user},ou=people,dc=corp,dc=example"' }),
  'user-from': attributeName().default('uid').meta({ title: 'User from', description: 'Attribute with the name that sessions and accounts go by' }),
  'group-from': attributeName().optional().meta({ title: 'Group from', description: 'Attribute of the user with the names of groups, memberOf' }),
  'group-filter': filter().refine((text) => /\{(dn|user)\}/.test(text), 'does not say where the user stands: (member={dn})').optional().meta({ title: 'Group filter', description: 'Instead of group-from: finds the groups of a user, (member={dn}) or (memberUid={user})' }),
  'group-base-dn': dn().optional().meta({ title: 'Base of groups', description: 'Only groups below it count; without it base-dn' }),
  'nested-groups': z.boolean().default(false).meta({ title: 'Nested groups', description: 'Groups that are in groups count' }),
  'group-map': z.record(z.string().min(1).max(256), z.string().max(64)).default({}).refine((map) => Object.keys(map).length <= MAX_MAPPED, `may have ${MAX_MAPPED} entries at most`).meta({ title: 'Group map', description: 'Group of the gateway by the common name in the directory, where they differ' }),
  'password-change': z.boolean().default(true).meta({ title: 'Password change', description: 'Whose password has expired is asked for a new one at the login; false: is refused' }),
  'timeout': duration({ min: 1, max: 60 }).default(5).meta({ title: 'Timeout', description: 'How long one server may take for all of a login before the next is asked' }),
})

export const AuthLdapConfig = SectionSchema.superRefine((section, context) => {
  const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message })
  section.server.forEach(({ name }, at) => {
    if (section.server.findIndex((other) => other.name === name) < at) context.addIssue({ code: 'custom', path: ['server', at, 'url'], message: `${name} is listed twice` })
  })
  if ((section['bind-dn'] === undefined) !== (section['bind-password-file'] === undefined)) refuse(section['bind-dn'] === undefined ? 'bind-dn' : 'bind-password-file', 'bind-dn and bind-password-file belong together')
  const template = section['user-dn']
  if (template !== undefined && section['user-filter'] !== undefined) refuse('user-dn', 'stands instead of user-filter: leave one of the two out')
  if (template !== undefined && (!template.includes('{user}') || parseDn(fill(template, { user: 'x' }, String)) === undefined)) refuse('user-dn', 'is not a name such as "uid={user},ou=people,dc=corp,dc=example"')
  if (section['group-from'] !== undefined && section['group-filter'] !== undefined) refuse('group-filter', 'stands instead of group-from: leave one of the two out')
  if (section['nested-groups'] && section['group-from'] === undefined && !section['group-filter']?.includes('{dn}')) refuse('nested-groups', 'needs group-from, or a group-filter with {dn}')
})
export type AuthLdapConfig = z.infer<typeof AuthLdapConfig>

/** Groups that the map names and the gateway does not have. */
export const mapProblems = (section: AuthLdapConfig, { groups }: Pick<GatewayConfig, 'groups'>): { readonly path: readonly string[]; readonly message: string }[] =>
  Object.entries(section['group-map']).filter(([, group]) => !groups.has(group)).map(([name, group]) => ({ path: ['group-map', name], message: `there is no group ${JSON.stringify(group)}` }))
