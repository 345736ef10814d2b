import type { CommandInput, CommandResult } from '../commands.ts'
import type { GatewayConfig, GroupConfig } from '../config/gateway-config.ts'
import { defaultGroup } from '../config/hosts.ts'
import { GatewayError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { writtenEntry, writtenValues } from '../policy/written-value.ts'
import type { CoreCommand } from './core-commands.ts'

/** `[["certificate","local"],["saml"]]` -> `certificate + local, or saml`. */
const authText = (auth: GroupConfig['auth']): string => auth.map((chain) => chain.join(' + ')).join(', or ')

export function groupNamed(config: GatewayConfig, name: string): GroupConfig {
  const group = config.groups.get(name)
  if (group) return group
  const guess = nearest(name, config.groups.keys())
  throw new GatewayError('GROUP_UNKNOWN', `there is no group ${JSON.stringify(name)}${guess === undefined ? '' : `; did you mean "${guess}"?`}`)
}

function list(config: GatewayConfig): CommandResult {
  const first = defaultGroup(config)
  return { data: [...config.groups.values()].map(({ name, label, auth }) => ({ name, label, auth, login: authText(auth), default: name === first })) }
}

function show(config: GatewayConfig, name: string): CommandResult {
  const { label, auth, policy } = groupNamed(config, name)
  const own = writtenValues(policy)
  const data = { name, label, auth, default: name === defaultGroup(config), policy: own }
  const lines = Object.entries(own).map(([key, value]) => `  ${writtenEntry(key, value)}`)
  return { data, text: [`${name} (${label}), login with ${authText(auth)}`, ...(lines.length > 0 ? ['policy of its own:', ...lines] : ['no policy of its own'])].join('\n') }
}

export const groupCommands: readonly CoreCommand[] = [
  {
    definition: {
      path: 'group list', summary: 'List the groups of the configuration', where: 'either',
      columns: [{ key: 'name', title: 'Name' }, { key: 'label', title: 'Label' }, { key: 'login', title: 'Login' }, { key: 'default', title: 'Default' }],
    },
    handler: ({ config }) => () => list(config),
  },
  {
    definition: { path: 'group show', summary: 'Show one group and the policy it sets', where: 'either', args: [{ name: 'name', description: 'name of the group' }] },
    handler: ({ config }) => ({ args }: CommandInput) => show(config, args['name'] ?? ''),
  },
]
