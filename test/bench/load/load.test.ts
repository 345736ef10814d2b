// test: limit=600
// The generator against Debian's ocserv: a peer that nobody of us wrote.
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { makeCertificate } from '../../lab/certificate.ts'
import type { Lab } from '../../lab/lab.ts'
import { LAN } from '../../lab/lab.ts'
import { Ocserv } from '../../lab/ocserv.ts'
import { labTests } from '../../lab/suite.ts'
import { load, loadSteps, LOAD } from './load.ts'
import { serveSink } from './peer.ts'
import { Service } from '../../lab/command.ts'

const test = labTests({ peers: ['ocserv', 'make', 'g++'] })
const EVA = { user: 'eva', password: 'secret' }
const start = async (lab: Lab) => Ocserv.start(lab, { certificate: await makeCertificate(lab.folder), users: { eva: 'secret' }, dtls: true, cheapHashes: true })

interface Flow {
  readonly ok: boolean
  readonly sent: number
  readonly received: number
  readonly loss: number
  readonly corrupt: number
  readonly duplicates: number
  readonly reordered: number
  readonly crowd: Readonly<Record<string, number>>
}

test('both modes of DTLS carry packets of both families, and padded probes come back', async (lab) => {
  await start(lab)
  for (const mode of [['--mode', 'psk'], ['--mode', 'psk', '--suite', 'PSK-CHACHA20-POLY1305', '--tls', '1.2', '--ems'], ['--mode', 'resumed', '--suite', 'AES256-GCM-SHA384'], ['--mode', 'resumed', '--suite', 'OC-DTLS1_2-AES128-GCM']]) {
    const { ok, session, steps, records } = await loadSteps(lab.client, { ...EVA, args: [...mode, '--target', LAN.ipv4] }, ['ping:3', `ping:2@${LAN.ipv6}`, 'dpd:1000', 'tls-ping'])
    assert.ok(ok, JSON.stringify(steps))
    assert.is(session.dtls?.resumed, mode.includes('resumed'))
    assert.equal([records?.forged, records?.odd, records?.duplicates], [0, 0, 0])
    assert.is(steps[0]?.report.overDtls, 3)
  }
})

test('a lost flight of the handshake is repeated', async (lab) => {
  await start(lab)
  const { ok, session } = await loadSteps(lab.client, { ...EVA, args: ['--mode', 'psk', '--drop', '1', '--target', LAN.ipv4] }, ['ping'])
  assert.ok(ok)
  assert.ok((session.dtls?.datagramsOut ?? 0) > 2)
})

test('a wrong password, a refused mode and an absent gateway are told in one line', async (lab) => {
  await start(lab)
  const refused = await loadSteps(lab.client, { user: 'eva', password: 'wrong' }, [])
  assert.match(refused.error ?? '', /^login: /)
  assert.match((await loadSteps(lab.client, { ...EVA, args: ['--mode', 'resumed', '--suite', 'NO-SUCH'] }, [])).error ?? '', /no DTLS/)
  assert.match((await loadSteps(lab.client, { ...EVA, args: ['--port', '444'] }, [])).error ?? '', /^connect: /)
})

test('flows of several sessions arrive whole in both directions', async (lab) => {
  await start(lab)
  await serveSink(lab)
  for (const [way, args] of [['up', []], ['up', ['--no-gso']], ['down', ['--gro']]] as const) {
    const flow = await load<Flow>(lab.client, way, { ...EVA, args: ['--sessions', '3', '--target', LAN.ipv4, '--count', '5000', '--seconds', '10', '--rate', '3000', ...args] })
    assert.ok(flow.ok, JSON.stringify(flow))
    assert.is(flow.sent, 15_000)
    assert.equal([flow.corrupt, flow.duplicates], [0, 0])
    assert.ok(flow.loss < 0.05, `${flow.loss}`)
  }
})

test('a sink that damages, repeats or loses what it sends is found out', async (lab) => {
  await start(lab)
  const through = async (fault: string): Promise<Flow> => {
    const sink = await serveSink(lab, { args: ['--fault', fault] })
    const flow = await load<Flow>(lab.client, 'down', { ...EVA, args: ['--target', LAN.ipv4, '--count', '2000', '--seconds', '5', '--rate', '2000'] })
    await sink.stop()
    return flow
  }
  const flipped = await through('flip:100')
  assert.not.ok(flipped.ok)
  assert.ok(flipped.corrupt > 0)
  const repeated = await through('twice:100')
  assert.not.ok(repeated.ok)
  assert.ok(repeated.duplicates > 0)
  assert.ok((await through('drop:10')).loss > 0.05)
  assert.ok((await through('swap:100')).reordered > 0)
})

test('contents that are wrong on the way up are found out by the sink', async (lab) => {
  await start(lab)
  await serveSink(lab)
  const flow = await load<Flow>(lab.client, 'up', { ...EVA, args: ['--target', LAN.ipv4, '--count', '2000', '--seconds', '5', '--rate', '2000', '--fault', 'flip:100'] })
  assert.not.ok(flow.ok)
  assert.ok(flow.corrupt > 0)
})

test('sessions come back by their cookies without a login', async (lab) => {
  await start(lab)
  const file = join(lab.folder, 'cookies')
  const logins = await load<{ ok: boolean; done: number }>(lab.client, 'login', { ...EVA, args: ['--mode', 'tls', '--count', '5', '--save-cookies', file] })
  assert.is(logins.done, 5)
  const held = await load<{ ok: boolean; alive: number; errors: object }>(lab.client, 'hold', { args: ['--cookies', file, '--sessions', '5', '--seconds', '1'] })
  assert.ok(held.ok, JSON.stringify(held))
  assert.is(held.alive, 5)
})

test('datagrams of strangers and forgeries beside a flow change nothing', async (lab) => {
  await start(lab)
  await serveSink(lab)
  for (const kind of ['hello', 'cookie', 'junk', 'record']) {
    const report = await load<{ ok: boolean; sent: number }>(lab.client, 'attack', { args: ['--rate', '2000', '--seconds', '1'] }, [kind])
    assert.ok(report.ok && report.sent > 500, JSON.stringify(report))
  }
  const flow = await load<Flow & { forgeriesSent: number }>(lab.client, 'echo', { ...EVA, args: ['--target', LAN.ipv4, '--size', '200', '--rate', '200', '--seconds', '2', '--forge', '1000'] })
  assert.ok(flow.ok && flow.loss < 0.05, JSON.stringify(flow))
  assert.ok(flow.forgeriesSent > 500)
})

test('records damaged on their way are counted as forged', async (lab) => {
  await start(lab)
  await serveSink(lab)
  const relay = new Service([LOAD, 'relay', '--listen', '127.0.0.1', '--port', '4433', '--relay-to', '10.77.0.1@443', '--fault', 'flip:50'], { namespace: lab.client.namespace })
  lab.onReset(() => relay.stop())
  await relay.until('listening', () => relay.stdout.includes('"listening"'))
  const flow = await load<Flow>(lab.client, 'down', { ...EVA, args: ['--udp-server', '127.0.0.1', '--udp-port', '4433', '--target', LAN.ipv4, '--count', '1000', '--seconds', '5', '--rate', '1000'] })
  assert.ok((flow.crowd.forged ?? 0) > 0, JSON.stringify(flow))
  assert.ok(flow.received < flow.sent)
})

test.run()
