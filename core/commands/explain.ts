import type { CommandInput, CommandResult } from '../commands.ts'
import { defaultGroup, groupsAt, hostFor } from '../config/hosts.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { GatewayError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { POLICY_KEYS, POLICY_PROPERTIES } from '../policy/keys.ts'
import { writtenValue } from '../policy/written-value.ts'
import type { CoreCommand, CoreServices } from './core-commands.ts'
import { explainSession } from './explain-session.ts'
import { groupNamed } from './group.ts'
import { findSession } from './session.ts'

/** One entry for each policy key, in the order of the file. */
export interface ExplainedValue {
  readonly key: string
  /** As the file would have it: `30s`, `50 Mbit/s`, lists as lists. */
  readonly value: unknown
  /** The layer that it came from: `user bob`, `group staff`, `host vpn2.example.com`, `[policy]`, `built-in`. */
  readonly origin: string
}

function explainWhich(services: CoreServices, input: CommandInput): CommandResult {
  const session = input.options['for-session']
  if ((input.args['name'] === undefined) === (session === undefined)) throw new GatewayError('USAGE', 'name a user, or a session with --for-session')
  if (typeof session !== 'string') return explain(services, input)
  if (!services.serving) throw new GatewayError('NOT_RUNNING', 'the gateway does not run')
  return explainSession(findSession(services.serving.sessions, session))
}

function explain({ config, policies }: Pick<CoreServices, 'config' | 'policies'>, { args, options }: CommandInput): CommandResult {
  const user = args['name'] ?? ''
  const groups = policies.groups?.(user)
  const asked = options['group']
  const host = typeof options['host'] === 'string' ? hostNamed(config, options['host']) : undefined
  // A group that is gone from the file, or is not offered there, is passed over, as at login.
  const offered = groupsAt(config, host).map(({ name }) => name)
  const group = typeof asked === 'string' ? groupNamed(config, asked).name : (groups?.find((name) => offered.includes(name)) ?? groups?.find((name) => config.groups.has(name)) ?? defaultGroup(config))
  const { values, origins } = policies.resolve({ user, group, host })
  const data = POLICY_PROPERTIES.map((property): ExplainedValue => ({
    key: POLICY_KEYS[property].key, value: writtenValue(property, values[property]), origin: origins[property],
  }))
  const known = groups ? '' : `; no user ${JSON.stringify(user)} is known here`
  const place = host === undefined ? '' : ` of host ${host}`
  const refused = offered.includes(group) ? '' : `; ${host === undefined ? 'the gateway offers it at a host of its own alone' : 'it is not offered there: such a login is refused'}`
  return { data, text: `for a login to group ${group}${place}${known}${refused}` }
}

/** By the name of its section or by one of its own. */
function hostNamed(config: GatewayConfig, name: string): string {
  const host = config.hosts.get(name) ?? hostFor(config, name)
  if (host) return host.name
  const guess = nearest(name, config.hosts.keys())
  throw new GatewayError('USAGE', `there is no host ${JSON.stringify(name)}${guess === undefined ? '' : `; did you mean "${guess}"?`}`)
}

export const explainCommands: readonly CoreCommand[] = [
  {
    definition: {
      path: 'explain user', summary: 'Show each policy value of a user and the layer it came from', where: 'either',
      args: [{ name: 'name', description: 'name of the user', optional: true }],
      options: [{ name: 'group', short: 'g', description: 'as if the user had picked this group', type: 'text', placeholder: 'GROUP' }, { name: 'host', description: 'as if the user had come to this host', type: 'text', placeholder: 'HOST' }, { name: 'for-session', description: 'what is in force in this session, instead of a user\'s', type: 'text', placeholder: 'ID' }],
      columns: [{ key: 'key', title: 'Key' }, { key: 'value', title: 'Value', format: 'list' }, { key: 'origin', title: 'From' }],
    },
    handler: (services) => (input) => explainWhich(services, input),
  },
]
