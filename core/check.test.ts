import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { check } from './check.ts'
import { GatewayError } from './errors.ts'
import { runOffline } from './offline.ts'
import type { CommandInput } from './commands.ts'
import type { Plugin } from './plugin.ts'
import { testDirectory } from './testing.ts'

const setUp = (toml: string) => {
  const directory = testDirectory()
  const config = join(directory, 'postern.toml')
  writeFileSync(config, toml)
  return { config, dataDir: join(directory, 'data') }
}
const plugin = (rest: Partial<Plugin>): Plugin => ({ name: 'mine', summary: 'mine', config: z.strictObject({ wish: z.string().default('none') }), start: () => undefined, ...rest })
const input = (args: CommandInput['args'] = {}): CommandInput => ({ args, options: {}, actor: 'cli' })

test('check asks every plugin that is on, and touches nothing', async () => {
  const at = setUp('[mine]\nwish = "more"\n')
  const asked: unknown[] = []
  const { ok, findings } = await check(at, [plugin({
    check(config, { core, chains, ...environment }) {
      asked.push(config, environment, [...core.groups.keys()], chains(undefined).map((chain) => /BEGIN CERTIFICATE/.test(chain)))
      return [{ severity: 'error', text: 'not enough' }]
    },
  })])
  assert.not.ok(ok)
  assert.ok(findings.some(({ severity, text }) => severity === 'error' && text === 'mine: not enough'))
  assert.equal(asked, [{ wish: 'more' }, { configFile: at.config, dataDirectory: at.dataDir }, ['default'], [true]])
  assert.not.ok(existsSync(at.dataDir))
})

test('a plugin finds what does not fit between its section and the core\'s, with its place', async () => {
  const wishful = plugin({ crossCheck: (config, core) => (core.groups.has((config as { wish: string }).wish) ? [] : [{ path: ['wish'], message: 'there is no such group' }]) })
  const at = setUp('[group.staff]\n[mine]\nwish = "stuff"\n')
  const { findings } = await check(at, [wishful])
  assert.ok(findings.some(({ severity, text }) => severity === 'error' && text === `${at.config}:3:8: mine.wish: there is no such group`), JSON.stringify(findings))
  assert.ok((await check(setUp('[group.staff]\n[mine]\nwish = "staff"\n'), [wishful])).findings.every(({ severity }) => severity !== 'error'))
})

test('check reports a configuration that is refused, and a plugin\'s own refusal', async () => {
  const refused = await check(setUp('[gateway]\nlistne = []\n'), [])
  assert.not.ok(refused.ok)
  assert.ok(refused.findings.some(({ text }) => /unknown key "listne"/.test(text)))
  const twice = setUp('[gateway]\nlistne = []\nnaem = "x"\n')
  assert.equal((await check(twice, [])).findings.filter(({ text }) => text.startsWith(twice.config)).map(({ text }) => text.replace(/; .*/, '')), [
    `${twice.config}:2:1: unknown key "listne" in [gateway]`, `${twice.config}:3:1: unknown key "naem" in [gateway]`,
  ])
  const failing = await check(setUp(''), [plugin({ check() { throw new GatewayError('REFUSED', 'no nft') } })])
  assert.ok(failing.findings.some(({ severity, text }) => severity === 'error' && text === 'mine: no nft'))
  assert.equal((await check(setUp('[mine]\nenabled = false\n'), [plugin({ check() { throw new Error('asked') } })])).findings.filter(({ text }) => text.startsWith('mine')), [])
})

test('G26 check says that fips = true does not make the module a validated one', async () => {
  const about = async (toml: string) => (await check(setUp(toml), [])).findings.filter(({ text }) => text.startsWith('gateway.fips'))
  assert.equal((await about('[gateway]\nfips = true\n')).map(({ severity }) => severity), ['warning'])
  assert.equal(await about('[gateway]\nfips = false\n'), [])
})

test('one command runs on the store without a gateway, and one that needs it says so', async () => {
  const at = setUp('')
  const always = plugin({
    runs: 'always', commands: [{ path: 'mine say', summary: 'say', where: 'either', args: [{ name: 'what', description: 'what' }] }],
    start(context) {
      assert.is(context.mode, 'command')
      context.command('mine say', ({ args }) => ({ data: args['what'] }))
    },
  })
  assert.equal(await runOffline(at, 'mine say', input({ what: 'hello' }), [always]), { data: 'hello' })
  assert.match(((await runOffline(at, 'setup code', input(), [always])).data as { code: string }).code, /^\d{4}-\d{4}$/)
  assert.equal(((await runOffline(at, 'audit', input(), [])).data as { action: string }[]).map(({ action }) => action), ['setup.code'])
  try {
    await runOffline(at, 'status', input(), [])
    assert.unreachable()
  } catch (error) {
    assert.instance(error, GatewayError)
    assert.is((error as GatewayError).code, 'NOT_RUNNING')
  }
})

test.run()
