import { createHash } from 'node:crypto'
import { publicNameOf, type GatewayConfig } from '../../core/api.ts'
import type { AlwaysOnConfig, ReadyProfileConfig } from './config.ts'
import { clientInitialization } from './client-initialization.ts'
import { hostEntry } from './host-entry.ts'
import type { Pin } from './pin.ts'
import type { ProfileConfig, Refusable, ServerConfig } from './profile-config.ts'
import { readServerAddress } from './server-address.ts'
import { parent, writeXml } from './xml-element.ts'

/** Where clients fetch profiles, and where older ones do (reference/protocol section 2.2). */
export const PROFILE_PATHS = ['/CACHE/stc/profiles/', '/profiles/'] as const

/** A profile as clients get it. */
export interface Profile {
  readonly name: string
  readonly path: string
  readonly xml: string
  /** Upper-case hex over the bytes of `xml`. */
  readonly sha1: string
  /** Empty: of every group that no other profile names. */
  readonly groups: readonly string[]
  readonly public: boolean
  readonly refuse: ReadonlySet<Refusable>
  /** Every host that it names, lower case. */
  readonly hosts: ReadonlySet<string>
  readonly alwaysOn: boolean
  readonly trustRules: boolean
  /** Those for all servers and those of one; undefined host: of any. */
  pinsFor(host: string | undefined): readonly Pin[]
}

const NAMESPACES = {
  xmlns: 'http://schemas.xmlsoap.org/encoding/',
  'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance',
  'xsi:schemaLocation': 'http://schemas.xmlsoap.org/encoding/ AnyConnectProfile.xsd',
}

function makeProfile(name: string, config: ProfileConfig, core: GatewayConfig): Profile {
  const servers = config.servers.length === 0 ? [ownServer(config, core)] : config.servers
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n${writeXml({
    name: 'AnyConnectProfile', attributes: NAMESPACES, children: [clientInitialization(config), parent('ServerList', servers.map(hostEntry))],
  })}`
  const { domains = [], 'dns-servers': resolvers = [], https = [] } = config['trusted-networks'] ?? {}
  return {
    ...delivered(name, xml, config),
    hosts: new Set([...servers.flatMap(({ address, backup, 'load-balancing': others }) => [address, ...backup, ...others]), ...config.backup].map(({ host }) => host)),
    alwaysOn: config['always-on'],
    trustRules: domains.length + resolvers.length + https.length > 0,
    pinsFor: (host) => [...config.pins, ...servers.filter(({ address }) => host === undefined || address.host === host).flatMap(({ pins }) => pins)],
  }
}

/** One that comes as XML. Of its pins only hashes are known, so nothing is said of them. */
const readyProfile = (name: string, config: ReadyProfileConfig): Profile => {
  const { xml, hosts, alwaysOn, trustRules } = config.path
  return { ...delivered(name, xml, config), hosts: new Set(hosts), alwaysOn, trustRules, pinsFor: () => [] }
}

const delivered = (name: string, xml: string, { groups, public: open, refuse }: Pick<ReadyProfileConfig, 'groups' | 'public' | 'refuse'>) => ({
  name, xml, groups, public: open, refuse: new Set(refuse),
  path: `${PROFILE_PATHS[0]}${name}.xml`,
  sha1: createHash('sha1').update(xml).digest('hex').toUpperCase(),
})

/** Every profile of a section. */
export const makeProfiles = ({ profile, file }: AlwaysOnConfig, core: GatewayConfig): readonly Profile[] =>
  [...Object.entries(profile).map(([name, config]) => makeProfile(name, config, core)), ...Object.entries(file).map(([name, config]) => readyProfile(name, config))]

/** Stands for the list where none is given: this gateway, and its group where the profile is for one alone. */
function ownServer({ groups }: ProfileConfig, core: GatewayConfig): ServerConfig {
  const { gateway, hosts, groups: all } = core
  const [group, ...more] = groups
  // A group that only a host offers is reached by that host's name.
  const host = group === undefined || gateway.groups.includes(group) ? undefined : [...hosts.values()].find((candidate) => candidate.groups.includes(group))
  const name = publicNameOf(core, host?.name)
  const ports = gateway.listen.map(({ port }) => port).filter((port) => port !== 0)
  const port = ports.length === 0 || ports.includes(443) ? '' : `:${ports[0]}`
  const bracketed = name.includes(':') && port !== '' ? `[${name}]` : name
  return {
    name,
    address: readServerAddress(`${bracketed}${port}`) ?? { host: name, text: name },
    group: more.length === 0 && all.size > 1 ? group : undefined,
    backup: [], 'load-balancing': [], 'on-demand-connect': [], 'on-demand-never': [], pins: [],
  }
}
