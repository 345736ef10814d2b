import { z } from 'zod'
import { domainName, duration, filePath, formatEndpoint, integer, listenAddress, parseEndpoint, secretFile, Secret } from '../../core/api.ts'

const AUTHENTICATION_PORT = 1812
const RADSEC_PORT = 2083
const MAX_SERVERS = 8

interface ServerName {
  /** An address in canonical text, or a name of the DNS. */
  readonly host: string
  readonly port: number
  readonly radsec: boolean
}
const serverAddress = () =>
  z.string('must be a RADIUS server such as "10.0.0.5:1812"').transform((text, context): ServerName => {
    const radsec = text.startsWith('radsec:')
    const rest = radsec ? text.slice('radsec:'.length) : text
    const port = radsec ? RADSEC_PORT : AUTHENTICATION_PORT
    const withPort = /:\d+$/.test(rest) && (rest.startsWith('[') || rest.indexOf(':') === rest.lastIndexOf(':')) ? rest : formatEndpoint(rest, port)
    const endpoint = parseEndpoint(withPort) ?? namedEndpoint(withPort)
    if (endpoint && endpoint.port > 0) return { host: endpoint.address, port: endpoint.port, radsec }
    context.issues.push({ code: 'custom', input: text, message: `${JSON.stringify(text.slice(0, 80))} is not a RADIUS server such as "10.0.0.5:1812", "radius.example.com" or "radsec:radius.example.com:2083"` })
    return z.NEVER
  })

function namedEndpoint(text: string): { readonly address: string; readonly port: number } | undefined {
  const [name = '', port = ''] = text.split(':')
  const host = domainName().safeParse(name)
  return host.success && /[a-z]/.test(host.data) && /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65535 ? { address: host.data, port: Number(port) } : undefined
}

/** One `[[auth-radius.server]]` as written. */
export const ServerSchema = z.strictObject({
  'address': serverAddress().meta({ title: 'Address', description: 'Address or name, with another port than 1812 "10.0.0.5:1645"; "radsec:radius.example.com" for RADIUS over TLS, port 2083' }),
  'accounting-port': integer(1, 65_535).default(1813).meta({ title: 'Accounting port', description: 'Of the same server; RadSec takes both on one connection' }),
  'secret-file': secretFile().optional().meta({ title: 'Secret', description: 'File with the shared secret; with RadSec it may be left out ("radsec")' }),
  'require-message-authenticator': z.enum(['yes', 'auto', 'no']).default('auto').meta({ title: 'Message-Authenticator', description: 'In its answers. yes: none without; auto: none without once there was one with it; no: not demanded. RadSec needs none' }),
  'ca': filePath().optional().meta({ title: 'CA', description: 'RadSec: certificates (PEM) of who signs the server\'s; without it those of the system' }),
  'certificate': filePath().optional().meta({ title: 'Certificate', description: 'RadSec: this gateway\'s own, PEM' }),
  'key': filePath().optional().meta({ title: 'Key', description: 'RadSec: the key of it, PEM' }),
  'certificate-name': z.string().min(1).max(253).optional().meta({ title: 'Name in the certificate', description: 'RadSec: when the server\'s certificate has another name than the one in address' }),
})

export interface TlsFiles {
  readonly ca: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  /** The name that the server's certificate must have. */
  readonly name: string
}
export interface ServerConfig {
  /** As logs and health entries call it: `10.0.0.5:1812`, `radsec:radius.example.com:2083`. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly accountingPort: number
  readonly secret: Secret
  readonly requireMessageAuthenticator: 'yes' | 'auto' | 'no'
  /** With RadSec. */
  readonly tls: TlsFiles | undefined
}

const Server = ServerSchema.transform((written, context): ServerConfig => {
  const { host, port, radsec } = written.address
  const refuse = (key: string, message: string): void => void context.issues.push({ code: 'custom', input: written, path: [key], message })
  if (!radsec && written['secret-file'] === undefined) refuse('secret-file', 'is missing')
  for (const key of ['ca', 'certificate', 'key', 'certificate-name'] as const) if (!radsec && written[key] !== undefined) refuse(key, 'belongs to a server with "radsec:" in its address')
  if ((written.certificate === undefined) !== (written.key === undefined)) refuse(written.key === undefined ? 'certificate' : 'key', 'certificate and key belong together')
  return {
    name: `${radsec ? 'radsec:' : ''}${formatEndpoint(host, port)}`, host, port, accountingPort: written['accounting-port'],
    secret: written['secret-file'] ?? new Secret('radsec'), requireMessageAuthenticator: written['require-message-authenticator'],
    tls: radsec ? { ca: written.ca, certificate: written.certificate, key: written.key, name: written['certificate-name'] ?? host } : undefined,
  }
})

/** Section `[auth-radius]`. */
export const AuthRadiusConfig = z.strictObject({
  'server': z.array(Server).min(1).max(MAX_SERVERS).superRefine((servers, context) => {
    servers.forEach(({ name }, at) => {
      if (servers.findIndex((other) => other.name === name) < at) context.addIssue({ code: 'custom', path: [at, 'address'], message: `${name} is listed twice` })
    })
  }).meta({ title: 'Servers', description: 'RADIUS servers' }),
  'balance': z.enum(['failover', 'round-robin']).default('failover').meta({ title: 'Balance', description: 'failover: the first server that answers, in order; round-robin: each in turn' }),
  'timeout': duration({ min: 1, max: 120 }).default(5).meta({ title: 'Timeout', description: 'How long one server may take for an answer, repetitions included, before the next is asked; "60s" where people confirm on a phone' }),
  'protocol': z.enum(['pap', 'mschapv2']).default('pap').meta({ title: 'Protocol', description: 'How the password is sent' }),
  'group-from': z.enum(['class', 'filter-id', 'asa-group-policy', 'none']).default('class').meta({ title: 'Group from', description: 'Attribute that names the groups; none: the user picks' }),
  'accounting': z.boolean().default(true).meta({ title: 'Accounting', description: 'Tell the servers of the sessions of users who logged in here' }),
  'accounting-interval': duration({ min: 60, max: 86_400 }).default(600).meta({ title: 'Interim interval', description: 'Between two records of a session; Acct-Interim-Interval of the server counts instead' }),
  'disconnect-listen': z.array(listenAddress()).max(8).default([]).meta({ title: 'Disconnect and CoA', description: 'Where Disconnect-Requests and CoA-Requests of the servers are taken, "0.0.0.0:3799"; empty: nowhere' }),
  'nas-identifier': z.string().max(253).default('').meta({ title: 'NAS-Identifier', description: 'What servers know this gateway by; empty: its name' }),
})
export type AuthRadiusConfig = z.infer<typeof AuthRadiusConfig>
