import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { FakeDataPlane } from '../../native/fake.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { GatewayError } from '../errors.ts'
import { Gateway } from '../gateway.ts'
import type { Health } from '../health.ts'
import type { Plugin } from '../plugin.ts'
import type { Session, Sessions } from '../session/session.ts'
import { login } from '../session/testing.ts'
import { makeSelfSigned } from '../tls/self-signed.ts'
import { TestClock, TestLog, testDirectory } from '../testing.ts'
import { CONFIG, HEALTH, SESSIONS } from '../tokens.ts'

const test = suite('reloads')
const running: Gateway[] = []
test.after.each(async () => {
  for (const gateway of running.splice(0)) await gateway.stop()
})

/** A gateway with two plugins that take their sections live; `picky` refuses `no`. */
async function rig(text = '') {
  const directory = testDirectory()
  const file = join(directory, 'postern.toml')
  const write = (more: string): void => writeFileSync(file, `[gateway]\nname = "vpn.example.com"\nlisten = ["127.0.0.1:14443"]\n${more}`)
  write(text)
  const taken: string[] = []
  const tokens: { config?: GatewayConfig; sessions?: Sessions; health?: Health } = {}
  const config = z.strictObject({ word: z.string().default('first') })
  const plugin = (name: string): Plugin<{ word: string }> => ({
    name, summary: '', config,
    start(context) {
      tokens.config = context.container.resolve<GatewayConfig>(CONFIG)
      tokens.sessions = context.container.resolve<Sessions>(SESSIONS)
      tokens.health = context.container.resolve<Health>(HEALTH)
      context.onConfig(({ word }) => {
        if (word === 'no') throw new GatewayError('REFUSED', `${name} does not want it`)
        taken.push(`${name} ${word}`)
      })
    },
  })
  const [clock, plane] = [new TestClock(), new FakeDataPlane()]
  const gateway = await Gateway.start({ locations: { config: file, dataDirectory: join(directory, 'data') }, plugins: [plugin('easy'), plugin('picky')] as Plugin[], createDataPlane: () => plane, clock, log: new TestLog() })
  running.push(gateway)
  const { config: live, sessions, health } = tokens
  if (!live || !sessions || !health) throw new Error('the plugins did not start')
  return {
    gateway, write, taken, clock, plane, config: live, sessions, health, directory,
    codes: () => health.list().map(({ code }) => code).filter((code) => code.startsWith('RELOAD') || code === 'CONFIG_RESTART'),
    refused: (options = {}) => gateway.reload(options).then(() => 'accepted', (error: Error) => error.message),
    session: (group = 'default'): Session => sessions.create({ ...login('bob'), group }),
  }
}
/** Everything that a reload could have changed. */
const state = ({ config, plane, taken }: Awaited<ReturnType<typeof rig>>, session: Session): string =>
  JSON.stringify([config.policy, [...config.groups], config.gateway, plane.tlsContexts().length, plane.tlsContexts()[0]?.certificates[0]?.chainPem, taken.at(-1), session.policy])

test('a reload is told as its plan, and puts it in force', async () => {
  const one = await rig()
  const session = one.session()
  one.write('workers = 3\n[policy]\ndpd = "10s"\n[easy]\nword = "second"\n')
  const { plan } = await one.gateway.reload()
  assert.equal(plan.map(({ kind, what }) => `${kind} ${what}`), ['restart gateway.workers', 'live [easy]', 'live policy.dpd', 'live sessions: dpd'])
  assert.is(session.policy.values.dpdSec, 10)
  assert.equal(one.taken, ['easy second'])
  assert.equal(one.codes(), ['CONFIG_RESTART'])
  one.write('[policy]\ndpd = "10s"\n[easy]\nword = "second"\n')
  assert.equal((await one.gateway.reload()).plan, [])
  assert.equal(one.codes(), [])
})

test('an MTU above the device\'s is told for as long as the device has not been made anew', async () => {
  const one = await rig()
  one.write('[group.default]\n[group.default.policy]\nmtu = 1420\n')
  const plan = async (): Promise<string[]> => (await one.gateway.reload()).plan.map(({ kind, what }) => `${kind} ${what}`)
  const told = 'restart policy.mtu above 1400, the MTU of the device'
  assert.equal(await plan(), [told, 'live group.default'])
  assert.equal([await plan(), one.codes()], [[told], ['CONFIG_RESTART']])
  one.write('[group.default]\n[group.default.policy]\nmtu = 1380\n')
  assert.equal([await plan(), one.codes()], [['live group.default'], []])
})

test('a reload that a plugin in the middle refuses changes nothing at all', async () => {
  const one = await rig()
  const session = one.session()
  const { certificatePem, keyPem } = await makeSelfSigned({ name: 'vpn.example.com', now: one.clock.now() })
  writeFileSync(join(one.directory, 'other.pem'), certificatePem)
  writeFileSync(join(one.directory, 'other.key'), keyPem, { mode: 0o600 })
  const before = state(one, session)
  one.write('certificate = "other.pem"\nkey = "other.key"\nmax-sessions = 3\n[policy]\ndpd = "10s"\n[group.staff]\n[easy]\nword = "second"\n[picky]\nword = "no"\n')
  assert.is(await one.refused(), 'picky does not want it')
  assert.equal(one.taken.splice(0), ['easy second', 'easy first'], 'what was taken over went back')
  assert.is(state(one, session), before)
  assert.is(one.sessions.get(session.id), session)
  one.write('[policy]\ndpd = "oops"\n')
  assert.match(await one.refused(), /postern\.toml:5:7: policy\.dpd/)
  assert.is(state(one, session), before)
})

test('a store that cannot be written refuses the reload, and nothing has changed', async () => {
  const one = await rig()
  const session = one.session()
  const before = state(one, session)
  one.write('[policy]\ndpd = "10s"\n[easy]\nword = "second"\n')
  const { renewPolicies } = one.sessions
  one.sessions.renewPolicies = () => {
    throw new GatewayError('STORE_FULL', 'the disk is full')
  }
  assert.is(await one.refused(), 'the disk is full')
  one.sessions.renewPolicies = renewPolicies
  assert.equal(one.taken.splice(0), ['easy second', 'easy first'])
  assert.is(state(one, session), before)
})

test('a session whose group goes ends with its reason, others go on', async () => {
  const one = await rig('[group.default]\n[group.staff]\n')
  const [stays, goes] = [one.session(), one.session('staff')]
  one.write('[group.default]\n')
  const { plan } = await one.gateway.reload()
  assert.equal(plan.at(-1), { kind: 'cut', what: 'sessions: its group is not configured any more', sessions: 1 })
  assert.is(one.sessions.get(goes.id), undefined)
  assert.is(one.sessions.get(stays.id), stays)
})

test('what is not confirmed goes back, and the file is said to hold the other one', async () => {
  const one = await rig()
  const session = one.session()
  const before = state(one, session)
  one.write('[policy]\ndpd = "10s"\n[picky]\nword = "second"\n')
  await one.gateway.reload({ confirmSec: 60 })
  assert.is(session.policy.values.dpdSec, 10)
  assert.equal(one.codes(), ['RELOAD_PENDING'])
  assert.match(await one.refused(), /waits for its confirmation until 2026-11-21T08:01:\d\dZ/)
  one.clock.advance(59_000)
  assert.is(session.policy.values.dpdSec, 10)
  one.clock.advance(2000)
  for (let turn = 0; turn < 20 && one.codes()[0] !== 'RELOAD_ROLLED_BACK'; turn++) await new Promise((done) => setImmediate(done))
  assert.equal(one.codes(), ['RELOAD_ROLLED_BACK'])
  assert.equal(one.taken.splice(0), ['picky second', 'picky first'])
  assert.is(state(one, session), before)
  await one.gateway.reload()
  assert.equal(one.codes(), [])
  assert.is(session.policy.values.dpdSec, 10)
})

test('what is confirmed stays, and there is nothing to confirm twice', async () => {
  const one = await rig()
  const session = one.session()
  one.write('[policy]\ndpd = "10s"\n')
  await one.gateway.reload({ confirmSec: 60 })
  one.gateway.confirmReload()
  assert.throws(() => one.gateway.confirmReload(), /no reload waits/)
  one.clock.advance(120_000)
  assert.is(session.policy.values.dpdSec, 10)
  assert.equal(one.codes(), [])
})

test('reloads come one after the other', async () => {
  const one = await rig()
  one.write('[easy]\nword = "second"\n')
  const first = one.gateway.reload()
  const second = one.gateway.reload()
  assert.is((await first).plan.length, 1)
  assert.is((await second).plan.length, 0)
})

test('a secret that changes is a change', async () => {
  const { sameValue } = await import('../config/same-value.ts')
  const { Secret } = await import('../config/secret.ts')
  assert.ok(sameValue({ a: new Secret('x'), m: new Map([['k', [1]]]) }, { a: new Secret('x'), m: new Map([['k', [1]]]), gone: undefined }))
  assert.not.ok(sameValue({ a: new Secret('x') }, { a: new Secret('y') }))
  assert.not.ok(sameValue(new Map([['a', 1], ['b', 2]]), new Map([['b', 2], ['a', 1]])))
})

test.run()
