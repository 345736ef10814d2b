import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { AuditLog } from '../audit-log.ts'
import { CommandRegistry, refuseDuplicates } from '../command-registry.ts'
import type { CommandInput } from '../commands.ts'
import type { TunnelHandle } from '../dataplane.ts'
import { GatewayError } from '../errors.ts'
import { login, SessionRig } from '../session/testing.ts'
import { SetupCodes, SETUP_CODE_LIFETIME_MS, SETUP_CODE_TRIES } from '../setup-codes.ts'
import { bindCoreCommands, CORE_COMMANDS } from './core-command-list.ts'
import type { CoreServices } from './core-commands.ts'

const rigs: SessionRig[] = []
test.after.each(() => {
  for (const one of rigs.splice(0)) one.stop()
})
const setUp = (serving = true) => {
  const rig = new SessionRig()
  rigs.push(rig)
  const audit = new AuditLog(rig.opened.store, rig.clock, rig.log)
  const registry = new CommandRegistry()
  const asked: unknown[] = []
  const reloads = {
    plan: async () => [{ kind: 'live', what: 'policy.dpd' }],
    apply: async (options: unknown) => (asked.push(options), { plan: [{ kind: 'reconnect', what: 'sessions: dns', sessions: 3 }], reconnecting: 0 }),
    confirm: () => void asked.push('confirmed'),
  }
  const slotted = [{ name: 'doors', status: () => ({ data: { open: 2 }, text: 'doors: 2 open' }) }, { name: 'quiet', status: () => ({ data: {}, text: undefined }) }]
  const metrics = [{ collect: () => [{ name: 'doors_total', help: 'Doors', type: 'counter', value: 3n, labels: { side: 'left' } }] }]
  const services = {
    audit, clock: rig.clock, config: { hosts: new Map([['branch', { name: 'branch', names: ['branch.example.com'], groups: ['staff'] }]]) }, dataDirectory: rig.directory, health: rig.health, log: rig.log, store: rig.opened.store,
    plugins: () => [{ name: 'auth-local', state: 'on' as const }, { name: 'dtls', state: 'skipped' as const, reason: 'no UDP' }],
    serving: serving ? { sessions: rig.table, dataPlane: rig.plane, openInfo: () => undefined, startedAt: rig.clock.monotonic(), reloads: () => reloads, status: () => slotted, metrics: () => metrics } : undefined,
  } as unknown as CoreServices
  bindCoreCommands(registry, services)
  const run = (path: string, args: CommandInput['args'] = {}, options: CommandInput['options'] = {}) => registry.run(path, { args, options, actor: 'cli' })
  return { rig, audit, registry, run, asked }
}
const refusal = async (work: Promise<unknown>): Promise<GatewayError> => {
  try {
    await work
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('it was not refused')
}

test('every core command has one path, a summary, and runs where it says', () => {
  refuseDuplicates([{ name: 'core', commands: CORE_COMMANDS.map(({ definition }) => definition) }])
  assert.ok(CORE_COMMANDS.every(({ definition }) => definition.summary.length > 10))
  const { registry } = setUp(false)
  for (const { definition: { path, where } } of CORE_COMMANDS) assert.is(registry.has(path), where === 'either', path)
})

test('session list has the documented fields, of living and waiting sessions', async () => {
  const { rig, run } = setUp()
  const [live, waiting] = [rig.table.create(login('bob')), rig.table.create(login('eve'))]
  const client = await rig.connect(live)
  client.write(frame(FRAME.data, packet('10.20.0.2', '10.20.0.1', 'x'.repeat(80))))
  const { data } = await run('session list')
  const createdAt = new Date(rig.clock.now()).toISOString()
  assert.equal(data, [
    {
      id: live.id, user: 'bob', group: 'default', state: 'tls', ipv4: '10.20.0.2', ipv6: 'fd20::2', peer: live.peer, agent: 'Open AnyConnect VPN Agent v9.01',
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' }, dtls: null, createdAt, connectedAt: createdAt, rxBytes: 100, txBytes: 0, idleSince: null,
    },
    {
      id: waiting.id, user: 'eve', group: 'default', state: 'waiting', ipv4: null, ipv6: null, peer: '192.0.2.7:5000', agent: 'Open AnyConnect VPN Agent v9.01',
      tls: null, dtls: null, createdAt, connectedAt: null, rxBytes: 0, txBytes: 0, idleSince: createdAt,
    },
  ])
  assert.equal(JSON.parse(JSON.stringify(data)), data)
})

test('D01 session show has the three levels with protocol, cipher, state, bytes and since when', async () => {
  const { rig, run } = setUp()
  const session = rig.table.create(login())
  const client = await rig.connect(session)
  const since = new Date(rig.clock.now()).toISOString()
  const shown = async () => (await run('session show', { id: session.id.slice(0, 6) })).data as { levels: unknown[]; rxBytes: number; id: string }
  const live = await shown()
  const carried = { rxBytes: 0, txBytes: 0, rxPackets: 0, txPackets: 0 }
  assert.equal(live.levels, [
    { level: 'Parent-Tunnel', state: 'up', protocol: null, cipher: null, since, ...carried },
    { level: 'SSL-Tunnel', state: 'up', protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', since, ...carried },
    { level: 'DTLS-Tunnel', state: 'down', protocol: null, cipher: null, since: null, ...carried },
  ])
  assert.equal([live.id, live.rxBytes], [session.id, 0])
  client.end()
  await rig.plane.settled()
  assert.equal((await shown()).levels[1], { level: 'SSL-Tunnel', state: 'down', protocol: null, cipher: null, since, ...carried })
})

test('D06 session show says what keepalive was learned from which network', async () => {
  const { rig, run } = setUp()
  const session = rig.table.create(login('bob', { mobile: true }))
  await rig.connect(session, undefined, { learning: true, dtlsDpdSec: 20 })
  const line = async () => (await run('session show', { id: session.id })).text?.split('\n').find((text) => text.startsWith('keepalive'))
  assert.is(await line(), 'keepalive over DTLS: 20 s, learned from 192.0.2.0/24, still trying longer ones')
  for (const [sec, survived] of [[20, true], [30, false]] as const) rig.plane.tell(1 as TunnelHandle, { silence: [sec, survived] })
  await rig.plane.settled()
  assert.is(await line(), 'keepalive over DTLS: 18 s, learned from 192.0.2.0/24')
})

test('D15 session drop tells the client the reason, ends the session and is audited', async () => {
  const { rig, run, audit } = setUp()
  const session = rig.table.create(login())
  const client = await rig.connect(session)
  await run('session drop', { id: session.id.slice(0, 8) }, { reason: 'maintenance' })
  assert.is(client.frames()[0]?.payload.subarray(1).toString(), 'maintenance')
  assert.is(rig.table.get(session.id), undefined)
  const [entry] = audit.list(1)
  assert.equal([entry?.action, entry?.actor, entry?.subject, entry?.detail], ['session.drop', 'cli', 'bob', 'maintenance'])
})

test('session terminate ends it with a TERMINATE frame', async () => {
  const { rig, run } = setUp()
  const session = rig.table.create(login())
  const client = await rig.connect(session)
  await run('session terminate', { id: session.id })
  assert.equal(client.frames().map(({ type }) => type), [FRAME.terminate])
  assert.is(rig.table.get(session.id), undefined)
})

test('an id that is unknown, empty or not unique is refused, and so is a reason that is no line', async () => {
  const { rig, run } = setUp()
  for (const id of ['zzz', '']) assert.is((await refusal(run('session drop', { id }))).code, 'SESSION_UNKNOWN')
  const ids = Array.from({ length: 40 }, (_, at) => rig.table.create(login(`u${at}`)).id)
  const first = [...new Set(ids.map((id) => id[0]))].find((letter) => ids.filter((id) => id[0] === letter).length > 1) ?? ''
  assert.match((await refusal(run('session show', { id: first }))).message, /write more of the id/)
  for (const reason of ['two\nlines', 'x'.repeat(257)]) assert.is((await refusal(run('session drop', { id: ids[0] ?? '' }, { reason }))).code, 'USAGE')
  assert.is(rig.table.list().length, 40)
})

test('status has the documented fields and the data plane\'s counters', async () => {
  const { rig, run } = setUp()
  await rig.connect(rig.table.create(login()))
  rig.table.create(login('eve'))
  rig.health.raise('DISK', 'warning', 'nearly full')
  rig.clock.advance(61_500)
  const { data, text } = await run('status')
  const status = data as Record<string, unknown> & { counters: Record<string, number> }
  assert.equal(status['sessions'], { total: 2, dtls: 0, tls: 1, waiting: 1 })
  assert.is(status['uptimeSec'], 61)
  assert.equal(status['plugins'], [{ name: 'auth-local', state: 'on', reason: null }, { name: 'dtls', state: 'skipped', reason: 'no UDP' }])
  assert.equal((status['health'] as { code: string }[]).map(({ code }) => code), ['DISK'])
  assert.is(status.counters['promoted'], 1)
  assert.ok(typeof status['version'] === 'string' && JSON.stringify(data))
  assert.equal(status['udp'], [])
  assert.equal([status['doors'], status['quiet']], [{ open: 2 }, {}])
  assert.equal(status['metrics'], [{ name: 'doors_total', type: 'counter', labels: { side: 'left' }, value: 3 }])
  assert.match(text ?? '', /^doors: 2 open$/m)
  assert.match(text ?? '', /listening on nothing, TLS only/)
  assert.match(text ?? '', /plugin dtls: skipped \(no UDP\)/)
})

test('audit lists what it is asked for, within bounds', async () => {
  const { run, audit } = setUp(false)
  for (let at = 0; at < 60; at++) audit.record({ action: 'x', actor: `a${at}`, ok: true })
  assert.is(((await run('audit')).data as unknown[]).length, 50)
  assert.equal(((await run('audit', {}, { limit: 1 })).data as { actor: string }[]).map(({ actor }) => actor), ['a59'])
  for (const limit of [0, 1.5, 10_001, NaN]) assert.is((await refusal(run('audit', {}, { limit }))).code, 'USAGE')
})

test('reload asks the gateway', async () => {
  const { run, asked } = setUp()
  const { data, text } = await run('reload')
  assert.equal(data, [{ kind: 'reconnect', what: 'sessions: dns', sessions: 3 }])
  assert.match(text ?? '', /next CONNECT; to send them round now: postern reload --reconnect/)
  await run('reload', {}, { confirm: '5m', reconnect: true })
  await run('reload', {}, { confirmed: true })
  for (const confirm of ['5', '0s', '2h']) assert.is((await refusal(run('reload', {}, { confirm }))).code, 'USAGE')
  assert.equal(asked, [{ reconnect: false, confirmSec: undefined }, { reconnect: true, confirmSec: 300 }, 'confirmed'])
  assert.equal((await run('plan')).data, [{ kind: 'live', what: 'policy.dpd', sessions: null }])
})

test('setup code: one at a time, an hour, five tries, once, and the store has no code', async () => {
  const { rig, run } = setUp(false)
  const codes = new SetupCodes(rig.opened.store, rig.clock)
  const issue = async () => ((await run('setup code')).data as { code: string }).code
  const code = await issue()
  assert.match(code, /^\d{4}-\d{4}$/)
  const stored = rig.opened.store.read((db) => db.prepare('SELECT * FROM core_setup_code').all())
  assert.not.ok(JSON.stringify(stored).includes(code.slice(0, 4) + code.slice(5)))
  assert.not.ok(codes.redeem('00000000x'))
  assert.ok(codes.redeem(code.replace('-', ' ')))
  assert.not.ok(codes.redeem(code), 'once only')
  const old = await issue()
  const late = await issue()
  if (old !== late) assert.not.ok(codes.redeem(old), 'a newer code voids it')
  rig.clock.advance(SETUP_CODE_LIFETIME_MS)
  assert.not.ok(codes.redeem(late), 'too late')
  const searched = await issue()
  for (let tries = 0; tries < SETUP_CODE_TRIES; tries++) codes.redeem('wrong')
  assert.not.ok(codes.redeem(searched), 'searched for')
})

test.run()
