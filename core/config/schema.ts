import { hostname } from 'node:os'
import { z } from 'zod'
import { PolicySchema } from '../policy/keys.ts'
import { filePath } from './files.ts'
import { canonicalName, cidr, domainName, listenAddress, publicName } from './network.ts'
import { duration, integer } from './units.ts'

/** Schemas of the core's own sections. */

/** Name of a pool or group: part of a URL, of a header and of messages. */
export const SECTION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

const oneOrMore = () => z.union([filePath(), z.array(filePath()).max(2)]).transform((value) => (typeof value === 'string' ? [value] : value))

/** 15 characters are the kernel's limit (IFNAMSIZ); `%d` may become three digits. */
const device = () =>
  z.string().refine((text) => /^[A-Za-z][A-Za-z0-9_.-]*(?:%d)?$/.test(text) && text.replace('%d', '000').length <= 15, 'must be an interface name of at most 15 characters, such as "postern%d"')

export const DEFAULT_LISTEN = [{ address: '0.0.0.0', port: 443 }, { address: '::', port: 443 }]

export const GatewaySchema = z.strictObject({
  name: publicName().optional().meta({ title: 'Name', description: 'Public name: certificates, profiles, SAML URLs; the host name when absent' }),
  listen: z.array(listenAddress()).min(1).max(16).default(DEFAULT_LISTEN).meta({ title: 'Listen', description: 'TCP for TLS and UDP for DTLS', restart: true }),
  certificate: oneOrMore().default([]).meta({ title: 'Certificate', description: 'PEM, leaf first; a list for RSA and ECDSA; absent: self-signed' }),
  key: oneOrMore().default([]).meta({ title: 'Key', description: 'PEM, one for each certificate' }),
  workers: integer(0, 256).default(0).meta({ title: 'Workers', description: 'Data-plane threads, 0 = by the machine', restart: true }),
  device: device().default('postern%d').meta({ title: 'Device', description: 'TUN name', restart: true }),
  groups: z.array(z.string()).min(1).max(500).optional().meta({ title: 'Groups', description: 'Offered where no host answers, in this order, the first to who has none; absent: every group that no host has' }),
  'proxy-protocol-from': z.array(cidr()).max(100).default([]).meta({ title: 'PROXY protocol', description: 'Networks whose PROXY header is believed', restart: true }),
  'max-sessions': integer(0, 1_000_000).default(0).meta({ title: 'Sessions', description: 'At the same time; 0 = no limit' }),
  fips: z.boolean().default(false).meta({ title: 'FIPS', description: 'AES-GCM, P-256 and P-384 only, in TLS and DTLS', restart: true }),
})

export const PoolSchema = z.strictObject({
  ipv4: cidr(4).optional().meta({ title: 'IPv4', description: 'Network; the first address is the gateway\'s own', range: '/8../30' }),
  ipv6: cidr(6).optional().meta({ title: 'IPv6', description: 'Network; the first address is the gateway\'s own', range: '/48../126' }),
  quarantine: duration({ max: 30 * 86_400 }).default(300).meta({ title: 'Quarantine', description: 'Rest of an address before somebody else gets it' }),
})

export const GroupSchema = z.strictObject({
  label: z.string().min(1).max(64).optional().meta({ title: 'Label', description: 'What users see; the name when absent' }),
  listed: z.boolean().default(true).meta({ title: 'Listed', description: 'Clients see it in their list of groups' }),
  auth: z.array(z.array(z.string()).min(1).max(4)).min(1).max(8).default([['local']]).meta({ title: 'Authentication', description: 'Alternatives of chains of back-ends' }),
  policy: PolicySchema.default({}),
})

export const HostSchema = z.strictObject({
  names: z.array(domainName({ wildcard: true })).min(1).max(100).optional().meta({ title: 'Names', description: 'What clients may call it; the name of the section when absent' }),
  certificate: oneOrMore().default([]).meta({ title: 'Certificate', description: 'PEM, leaf first; absent: the gateway\'s' }),
  key: oneOrMore().default([]).meta({ title: 'Key', description: 'PEM, one for each certificate' }),
  groups: z.array(z.string()).min(1).max(500).optional().meta({ title: 'Groups', description: 'Offered here, in this order; absent: those of the gateway' }),
  policy: PolicySchema.default({}),
})

/** The host's own name where it can stand in a certificate. */
export const defaultName = (): string => canonicalName(hostname()) ?? 'localhost'
