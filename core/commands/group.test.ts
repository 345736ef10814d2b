import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { POLICY_PROPERTIES } from '../policy/keys.ts'
import { checkConfig } from '../config/load.ts'
import { GatewayError } from '../errors.ts'
import { createPolicies } from '../policy/policies.ts'
import type { CommandInput, CommandResult } from '../commands.ts'
import type { CoreCommand, CoreServices } from './core-commands.ts'
import { explainCommands, type ExplainedValue } from './explain.ts'
import { groupCommands } from './group.ts'

const { core: config } = checkConfig(Buffer.from(`
[policy]
dpd = "10s"
[group.staff]
label = "Staff"
auth = [["certificate", "local"], ["saml"]]
policy = { dns = ["10.0.0.1"], rate-up = "50 Mbit/s" }
[group.guests.policy]
mtu = 1300
`), '/etc/postern/postern.toml', [])
const policies = createPolicies(config, () => [{
  layer: (user) => (user === 'bob' ? { origin: 'user bob', values: { mtu: 1290 } } : undefined),
  groups: (user) => (user === 'bob' ? ['gone', 'guests'] : undefined),
}])

async function run(path: string, input: Partial<CommandInput>): Promise<CommandResult> {
  const command = [...groupCommands, ...explainCommands].find(({ definition }) => definition.path === path) as CoreCommand
  return command.handler({ config, policies } as CoreServices)({ args: {}, options: {}, actor: 'cli', ...input })
}
async function refusal(promise: Promise<unknown>): Promise<GatewayError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  return assert.unreachable('was not refused') as never
}
const value = (result: CommandResult, key: string): ExplainedValue | undefined => (result.data as ExplainedValue[]).find((entry) => entry.key === key)

test('group list names each group, its login and the default one', async () => {
  assert.equal((await run('group list', {})).data, [
    { name: 'staff', label: 'Staff', auth: [['certificate', 'local'], ['saml']], login: 'certificate + local, or saml', default: true },
    { name: 'guests', label: 'guests', auth: [['local']], login: 'local', default: false },
  ])
})

test('group show has the policy that the group itself sets, as the file would have it', async () => {
  const { data, text } = await run('group show', { args: { name: 'staff' } })
  assert.equal((data as { policy: unknown }).policy, { dns: ['10.0.0.1'], 'rate-up': '50 Mbit/s' })
  assert.match(text ?? '', /rate-up = "50 Mbit\/s"/)
  const error = await refusal(run('group show', { args: { name: 'gests' } }))
  assert.is(error.code, 'GROUP_UNKNOWN')
  assert.is(error.message, 'there is no group "gests"; did you mean "guests"?')
})

test('G29 explain names the layer of each value, in the group that the user would log in to', async () => {
  const result = await run('explain user', { args: { name: 'bob' } })
  assert.equal(value(result, 'mtu'), { key: 'mtu', value: 1290, origin: 'user bob' })
  assert.equal(value(result, 'dpd'), { key: 'dpd', value: '10s', origin: '[policy]' })
  assert.equal(value(result, 'rekey-time'), { key: 'rekey-time', value: '12h', origin: 'built-in' })
  assert.is((result.data as unknown[]).length, POLICY_PROPERTIES.length)
  assert.is(result.text, 'for a login to group guests')
})

test('explain for another group, for a stranger, and for a group that is not there', async () => {
  assert.equal(value(await run('explain user', { args: { name: 'bob' }, options: { group: 'staff' } }), 'dns'), { key: 'dns', value: ['10.0.0.1'], origin: 'group staff' })
  assert.is((await run('explain user', { args: { name: 'eve' } })).text, 'for a login to group staff; no user "eve" is known here')
  assert.is((await refusal(run('explain user', { args: { name: 'bob' }, options: { group: 'stff' } }))).code, 'GROUP_UNKNOWN')
})

test('G04 explain for a host, by its section or any of its names: its layer, the group that it offers, and what it does not', async () => {
  const { core } = checkConfig(Buffer.from(`
[gateway]
groups = ["guests"]
[group.staff]
[group.guests]
[group.partners]
[host.branch]
names = ["branch.example.com"]
groups = ["staff", "partners"]
policy = { banner = "branch" }
`), '/x.toml', [])
  const sources = createPolicies(core, () => [{ layer: () => undefined, groups: (user) => (user === 'bob' ? ['guests', 'partners'] : undefined) }])
  const explained = async (options: CommandInput['options'], name = 'bob'): Promise<CommandResult> => {
    const command = explainCommands.find(({ definition }) => definition.path === 'explain user') as CoreCommand
    return command.handler({ config: core, policies: sources } as CoreServices)({ args: { name }, options, actor: 'cli' })
  }
  for (const host of ['branch', 'branch.example.com']) {
    const result = await explained({ host })
    assert.equal([value(result, 'banner')?.origin, result.text], ['host branch', 'for a login to group partners of host branch'])
  }
  assert.equal([value(await explained({}), 'banner')?.origin, (await explained({})).text], ['built-in', 'for a login to group guests'])
  assert.match((await explained({ host: 'branch', group: 'guests' })).text ?? '', /group guests of host branch; it is not offered there: such a login is refused/)
  assert.match((await explained({ group: 'staff' })).text ?? '', /the gateway offers it at a host of its own alone/)
  assert.is((await refusal(explained({ host: 'brunch' }))).message, 'there is no host "brunch"; did you mean "branch"?')
})

test.run()
