// test: limit=240
// A reload under traffic: what a tunnel takes live, what its client comes back for, what is refused, what goes back.
import { readFileSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { addCheapUsers } from '../bench/cheap-users.ts'
import { buildLoad, LOAD } from '../bench/load/load.ts'
import { serveSink } from '../bench/load/peer.ts'
import { Service, until } from '../lab/command.ts'
import { SteadyPing } from '../lab/gap.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'
const NETWORK = '10.88.0.0/24'

interface PlanLine {
  readonly kind: string
  readonly what: string
  readonly sessions: number | null
}
interface Explained {
  readonly key: string
  readonly value: unknown
}

test('G29 a policy changes under a running ping without one lost; clients come back for routes; what is refused or not confirmed changes nothing', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { policy: { dpd: '20s', 'split-include': [NETWORK] } } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['-v'] })
  await until('DTLS', async () => (await gateway.session()).state === 'dtls', 20_000, () => client.output)
  const before = await gateway.session()
  const value = async (key: string): Promise<unknown> => (JSON.parse(await gateway.must(['explain', 'user', 'alice', '--json'])) as Explained[]).find((entry) => entry.key === key)?.value
  const plan = async (...words: string[]): Promise<string[]> => (JSON.parse(await gateway.must([...words, '--json'])) as PlanLine[]).map(({ kind, what, sessions }) => `${kind} ${what}${sessions === null ? '' : ` x${sessions}`}`)
  const history = async (): Promise<string> => JSON.stringify((await gateway.ask<{ history: unknown }>('session show', { id: before.id })).history)

  const pings = await SteadyPing.start(lab.client, LAN.ipv4, 10)
  gateway.configure({ policy: { dpd: '10s', 'split-include': [NETWORK, '10.99.0.0/16'] } })
  const expected = ['live policy.split-include', 'live policy.dpd', 'live sessions: dpd x1', 'reconnect sessions: split-include x1']
  assert.equal(await plan('plan'), expected)
  assert.is(await value('dpd'), '20s', 'a plan changes nothing')
  assert.equal(await plan('reload'), expected)
  assert.match(await history(), /policy changed: split-include changed, dpd 20s -> 10s/)
  assert.equal(await plan('plan'), [])

  const good = readFileSync(gateway.configFile, 'utf8')
  writeFileSync(gateway.configFile, good.replace('"10s"', '"soon"'))
  const refused = await gateway.command(['reload'])
  assert.is(refused.code, 1)
  assert.match(refused.stderr, /postern\.toml:\d+:\d+: policy\.dpd: "soon" is not a duration/)
  assert.is(await value('dpd'), '10s')

  writeFileSync(gateway.configFile, good.replace('"10s"', '"15s"'))
  await gateway.must(['reload', '--confirm', '8s'])
  assert.is(await value('dpd'), '15s')
  assert.match((await gateway.command(['reload'])).stderr, /waits for its confirmation/)
  await until('the roll-back', async () => (await value('dpd')) === '10s', 30_000, () => gateway.log)
  assert.match(await gateway.must(['status']), /nobody confirmed the last reload/)
  const { lost } = await pings.stop('reloads')
  assert.is(lost, 0)
  assert.equal((({ id, connectedAt, state }) => ({ id, connectedAt, state }))(await gateway.session()), (({ id, connectedAt }) => ({ id, connectedAt, state: 'dtls' }))(before), 'the tunnel is the same')

  writeFileSync(gateway.configFile, good.replace('10.99.0.0/16', '10.98.0.0/16'))
  client.forget('reconnect')
  await gateway.must(['reload', '--reconnect'])
  await client.happened('reconnect')
  await client.said(/X-CSTP-Split-Include: 10\.98\.0\.0\/255\.255\.0\.0/)
  const after = await gateway.session()
  assert.equal([after.id, after.ipv4], [before.id, before.ipv4])
  assert.match(await history(), /"sent-round","text":"the gateway sent its client round for values that changed"/)
  await client.stop()
})

test('a thousand sessions get another policy while all of them ask a host behind the gateway, and not one question or answer is lost', async (lab) => {
  await buildLoad()
  await serveSink(lab)
  const gateway = await Gateway.prepare(lab, { config: { policy: { dpd: '300s', 'idle-timeout': '30m' } } })
  await addCheapUsers(gateway, Array.from({ length: 200 }, (_, at) => `bench${at}`), PASSWORD)
  await gateway.start()
  const crowd = new Service(
    [LOAD, 'echo', '--server', GATEWAY.ipv4, '--user', 'bench%d', '--users', '200', '--password-stdin', '--mode', 'any', '--sessions', '1000', '--threads', '2', '--target', LAN.ipv4, '--size', '100', '--settle', '1', '--rate', '1', '--count', '6', '--seconds', '20', '--limit', '60'],
    { namespace: lab.client.namespace },
  )
  lab.onReset(() => crowd.stop('SIGKILL'))
  crowd.child.stdin?.end(`${PASSWORD}\n`)
  await until('all sessions', () => crowd.stdout.includes('"ready":true'), 90_000, () => crowd.output.slice(-2000))
  gateway.configure({ policy: { dpd: '299s', 'idle-timeout': '20m', 'deny-roaming': true } })
  const lines = JSON.parse(await gateway.must(['reload', '--json'])) as PlanLine[]
  assert.is(lines.find(({ what }) => what.startsWith('sessions:'))?.sessions, 1000)
  const report = await until('the account', () => {
    const line = crowd.stdout.trim().split('\n').at(-1) ?? ''
    return line.includes('"ok"') ? (JSON.parse(line) as { readonly ok: boolean; readonly loss: number; readonly sent: number }) : undefined
  }, 60_000, () => crowd.output.slice(-2000))
  process.stdout.write(`${JSON.stringify(report).slice(0, 600)}\n`)
  assert.ok(report.ok && report.loss === 0, JSON.stringify(report))
})

test.run()
