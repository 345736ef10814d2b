import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import type { CommandDefinition } from './commands.ts'
import { inject, injectable } from './di.ts'
import { GatewayError, PluginError } from './errors.ts'
import { PluginHost, type HostOptions } from './host.ts'
import type { Logger } from './log.ts'
import { skip, type Plugin, type PluginContext, type Skip } from './plugin.ts'
import { Slots } from './slots.ts'
import { TestLog, testDirectory } from './testing.ts'
import { LOGGER, token } from './tokens.ts'

const A = token<string>('test.A')
const B = token<string>('test.B')
type Start = (context: PluginContext<unknown>) => void | Skip | Promise<void | Skip>
const plugin = (name: string, start: Start = () => undefined, rest: Partial<Plugin> = {}): Plugin => ({ name, summary: name, config: z.unknown(), start, ...rest })
const setUp = (options: Partial<HostOptions> = {}) => {
  const log = new TestLog()
  const slots = new Slots()
  const host = new PluginHost({ log, slots, dataDirectory: testDirectory(), mode: 'serve', ...options })
  return { log, slots, host, start: (...plugins: Plugin[]) => host.start(plugins.map((one) => ({ plugin: one, config: { of: one.name } }))) }
}
const refusal = async (work: Promise<unknown>): Promise<Error> => {
  try {
    await work
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not refused')
}

test('providers start first, stop goes back step by step and waits', async () => {
  const { host, start } = setUp()
  const seen: string[] = []
  const stopper = (name: string) => async () => {
    seen.push(`stop ${name}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
    seen.push(`stopped ${name}`)
  }
  await start(
    plugin('user', (context) => {
      seen.push(`user got ${context.container.resolve<string>(A)}`)
      context.onStop(stopper('user'))
    }, { requires: [A] }),
    plugin('giver', (context) => {
      context.provide(A, 'gift')
      context.onStop(stopper('giver'))
    }, { provides: [A] }),
  )
  await host.stop()
  assert.equal(seen, ['user got gift', 'stop user', 'stopped user', 'stop giver', 'stopped giver'])
})

test('missing, duplicate, cyclic and undeclared providers are refused with the plugins\' names', async () => {
  const cases: [Plugin[], RegExp][] = [
    [[plugin('a', undefined, { requires: [A] })], /^a requires test\.A, which nobody provides$/],
    [[plugin('a', undefined, { provides: [A] }), plugin('b', undefined, { provides: [A] })], /test\.A is provided by both a and b/],
    [[plugin('a', undefined, { requires: [B], provides: [A] }), plugin('b', undefined, { requires: [A], provides: [B] })], /circle: a -> b -> a/],
    [[plugin('a', (context) => context.provide(A, 'x'))], /^a: test\.A is not in the list of what a provides$/],
    [[plugin('a', undefined, { provides: [A] })], /^a: declares test\.A and did not provide it$/],
    [[plugin('a'), plugin('a')], /two plugins are called a/],
    [[plugin('a', undefined, { provides: [LOGGER] })], /a provides Logger, which belongs to the core/],
  ]
  for (const [plugins, message] of cases) {
    const { start } = setUp()
    const error = await refusal(start(...plugins))
    assert.instance(error, GatewayError)
    assert.match(error.message, message)
  }
})

test('nothing starts when the order is refused', async () => {
  const { start } = setUp()
  let started = false
  await refusal(start(plugin('first', () => { started = true }), plugin('a', undefined, { requires: [A] })))
  assert.not.ok(started)
})

test('a failed start names its plugin and stops what ran, hooks included', async () => {
  const { host, slots, start } = setUp()
  const seen: string[] = []
  const error = await refusal(start(
    plugin('good', (context) => {
      context.add(slots.authBackend, { name: 'x', begin: () => ({ kind: 'refused', reason: 'internal' }) })
      context.onStop(() => void seen.push('good stopped'))
    }),
    plugin('bad', (context) => {
      context.onStop(() => void seen.push('bad stopped'))
      throw new Error('no luck')
    }),
  ))
  assert.instance(error, PluginError)
  assert.is(error.message, 'bad: no luck')
  assert.equal(seen, ['bad stopped', 'good stopped'])
  assert.equal(slots.authBackend.list(), [])
  assert.equal(host.status(), [{ name: 'good', state: 'on' }, { name: 'bad', state: 'failed', reason: 'no luck' }])
})

test('a start that takes too long is named; its signal fires, what it hands over later is stopped at once', async () => {
  const { start, slots } = setUp({ startLimitMs: 30 })
  const seen: string[] = []
  let late: Promise<void> | undefined
  const error = await refusal(start(plugin('slow', (context) => {
    late = (async () => {
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      context.onStop(() => void seen.push('late stop'))
      try {
        context.add(slots.negotiator, { name: 'x', negotiate: () => ({ headers: [] }) })
      } catch (refused) {
        seen.push((refused as Error).message)
      }
    })()
    return late
  })))
  await late
  assert.match(error.message, /^slow: did not start within 0\.03 s$/)
  assert.equal(seen, ['late stop', 'slow: start was abandoned'])
  assert.equal(slots.negotiator.list(), [])
})

test('a stop step that fails or hangs is logged with its plugin and does not prevent the next', async () => {
  const { host, log, start } = setUp({ stopLimitMs: 30 })
  const seen: string[] = []
  await start(
    plugin('first', (context) => context.onStop(() => void seen.push('first stopped'))),
    plugin('hanging', (context) => context.onStop(() => new Promise(() => undefined))),
    plugin('failing', (context) => context.onStop(() => { throw new Error('broken') })),
  )
  await host.stop()
  assert.equal(seen, ['first stopped'])
  assert.equal(log.lines.filter((line) => line.level === 'error').map((line) => line.fields['culprit']), ['failing', 'hanging'])
})

test('a skipped plugin is no error; it is undone, and those who need it are skipped too', async () => {
  const { host, start } = setUp()
  const seen: string[] = []
  await start(
    plugin('absent', (context) => {
      context.onStop(() => void seen.push('undone'))
      return skip('no /dev/net/tun')
    }, { provides: [A] }),
    plugin('needy', () => void seen.push('started'), { requires: [A] }),
  )
  assert.equal(seen, ['undone'])
  assert.equal(host.status(), [
    { name: 'absent', state: 'skipped', reason: 'no /dev/net/tun' },
    { name: 'needy', state: 'skipped', reason: 'the plugin that provides test.A is skipped' },
  ])
})

test('a plugin that is switched off does not start and says why', async () => {
  const { host } = setUp()
  await host.start([{ plugin: plugin('off', () => { throw new Error('started') }), config: undefined, off: 'switched off' }])
  assert.equal(host.status(), [{ name: 'off', state: 'off', reason: 'switched off' }])
})

test('classes of a plugin live in its own child, with a logger of its name', async () => {
  const { host, log, start } = setUp()
  const containers: PluginContext<unknown>['container'][] = []
  class Private {
    constructor(readonly log: Logger) {}
  }
  inject(LOGGER)(Private, undefined, 0)
  injectable()(Private)
  await start(
    plugin('one', (context) => {
      containers.push(context.container)
      context.container.registerSingleton(Private)
      context.container.resolve(Private).log.info('hello')
      assert.is(context.container.resolve(Private), context.container.resolve(Private))
    }),
    plugin('two', (context) => void containers.push(context.container)),
  )
  assert.ok(log.lines.some((line) => line.name === 'one' && line.message === 'hello'))
  assert.ok(containers[0]?.isRegistered(Private))
  assert.not.ok(containers[1]?.isRegistered(Private, true))
  await host.stop()
  assert.throws(() => containers[0]?.resolve(Private), /disposed/)
})

test('in command mode only plugins that run always are started', async () => {
  const { host, start } = setUp({ mode: 'command' })
  await start(plugin('transport', () => { throw new Error('started') }), plugin('users', undefined, { runs: 'always' }))
  assert.equal(host.status(), [{ name: 'transport', state: 'off' }, { name: 'users', state: 'on' }])
})

const definition = (path: string, where: CommandDefinition['where']): CommandDefinition => ({ path, summary: path, where })
test('commands run by path; definitions and handlers must fit each other', async () => {
  const good = setUp()
  await good.start(plugin('a', (context) => context.command('thing list', () => ({ data: 1 })), { commands: [definition('thing list', 'either')] }))
  assert.equal(await good.host.commands.run('thing list', { args: {}, options: {}, actor: 'cli' }), { data: 1 })
  const unknown = await refusal(good.host.commands.run('nothing', { args: {}, options: {}, actor: 'cli' }))
  assert.is((unknown as GatewayError).code, 'USAGE')
  await good.host.stop()
  assert.not.ok(good.host.commands.has('thing list'))

  const cases: [Plugin[], RegExp][] = [
    [[plugin('a', undefined, { commands: [definition('thing', 'gateway')] })], /^a: declares the command "thing" and did not bind it$/],
    [[plugin('a', (context) => context.command('other', () => ({ data: 1 })))], /^a: a binds the command "other", which it does not declare$/],
    [[plugin('a', undefined, { commands: [definition('x', 'local')] }), plugin('b', undefined, { commands: [definition('x', 'local')] })], /"x" is declared by both a and b/],
  ]
  for (const [plugins, message] of cases) assert.match((await refusal(setUp().start(...plugins))).message, message)
})

test('the signal of a running plugin fires when the gateway stops', async () => {
  const { host, start } = setUp()
  let signal: AbortSignal | undefined
  await start(plugin('a', (context) => { signal = context.signal }))
  assert.not.ok(signal?.aborted)
  await host.stop()
  assert.ok(signal?.aborted)
})

test.run()
