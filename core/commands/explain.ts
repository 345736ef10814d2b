import type { CommandInput, CommandResult } from '../commands.ts'
import { POLICY_KEYS, POLICY_PROPERTIES } from '../policy/keys.ts'
import { writtenValue } from '../policy/written-value.ts'
import type { CoreCommand, CoreServices } from './core-commands.ts'
import { defaultGroup, groupNamed } from './group.ts'

/** One entry for each policy key, in the order of the file. */
export interface ExplainedValue {
  readonly key: string
  /** As the file would have it: `30s`, `50 Mbit/s`, lists as lists. */
  readonly value: unknown
  /** The layer that it came from: `user bob`, `group staff`, `[policy]`, `built-in`. */
  readonly origin: string
}

function explain({ config, policies }: Pick<CoreServices, 'config' | 'policies'>, { args, options }: CommandInput): CommandResult {
  const user = args['name'] ?? ''
  const groups = policies.groups?.(user)
  const asked = options['group']
  // A group that is gone from the file is passed over, as at login.
  const group = typeof asked === 'string' ? groupNamed(config, asked).name : (groups?.find((name) => config.groups.has(name)) ?? defaultGroup(config))
  const { values, origins } = policies.resolve({ user, group })
  const data = POLICY_PROPERTIES.map((property): ExplainedValue => ({
    key: POLICY_KEYS[property].key, value: writtenValue(property, values[property]), origin: origins[property],
  }))
  const known = groups ? '' : `; no user ${JSON.stringify(user)} is known here`
  return { data, text: `for a login to group ${group}${known}` }
}

export const explainCommands: readonly CoreCommand[] = [
  {
    definition: {
      path: 'explain user', summary: 'Show each policy value of a user and the layer it came from', where: 'either',
      args: [{ name: 'name', description: 'name of the user' }],
      options: [{ name: 'group', short: 'g', description: 'as if the user had picked this group', type: 'text', placeholder: 'GROUP' }],
      columns: [{ key: 'key', title: 'Key' }, { key: 'value', title: 'Value', format: 'list' }, { key: 'origin', title: 'From' }],
    },
    handler: (services) => (input) => explain(services, input),
  },
]
