// test: limit=180 alone
import * as assert from 'uvu/assert'
import type { TomlTable } from 'smol-toml'
import { Gateway } from '../lab/gateway.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { iperf, ping, serveIperf, serveTransfers, transfer } from '../lab/traffic.ts'
import { LAN } from '../lab/lab.ts'

const test = labTests({ peers: ['openconnect', 'iperf3'], clients: 2 })
const PASSWORD = 'correct horse 9'
const MBIT = 125_000
const policy = (table: TomlTable): TomlTable => ({ policy: table })
/** Of the rate, what one TCP stream delivers: its headers count too, and the burst after silence comes on top. */
const LEAST = 0.86
const MOST = 1.04

test('G09 rates: a session gets its rate on both channels, each way, and another one with a reload; a group shares its own evenly', async (lab) => {
  await serveIperf(lab)
  await serveTransfers(lab)
  const users = { alice: PASSWORD, bob: PASSWORD }
  const gateway = await Gateway.start(lab, { users, config: policy({ 'rate-up': '8 Mbit/s', 'rate-down': '40 Mbit/s' }) })
  const [first, second] = lab.clients
  if (!first || !second) throw new Error('two clients')
  for (const args of [['--no-dtls'], []]) {
    const client = await OpenConnect.connect(first, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args })
    for (const [way, rate] of [['up', 8 * MBIT], ['down', 40 * MBIT]] as const) {
      const { bytes, seconds } = await iperf(first, way, 2)
      const part = bytes / seconds / rate
      assert.ok(part > LEAST && part < MOST, `${args[0] ?? 'dtls'} ${way}: ${part.toFixed(3)} of the rate`)
    }
    await client.stop()
  }
  await OpenConnect.connect(first, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: [] })
  await OpenConnect.connect(second, lab.folder, { pin: gateway.pin, user: 'bob', answers: [PASSWORD], args: ['--no-dtls'] })
  gateway.configure(policy({ 'group-rate-down': '16 Mbit/s', 'user-rate-up': '80 Mbit/s' }))
  await gateway.must(['reload'])
  const size = 3_000_000
  const [one, other, pings] = await Promise.all([transfer(first, 'down', size), transfer(second, 'down', size), ping(first, LAN.ipv4, { count: 20 })])
  const together = (2 * size * 1000) / Math.max(one.ms, other.ms) / (16 * MBIT)
  assert.ok(together > 0.8 && together < MOST, `together ${together.toFixed(3)} of the group's rate`)
  assert.ok(Math.min(one.ms, other.ms) > 0.75 * Math.max(one.ms, other.ms), `${one.ms} and ${other.ms} ms: shared evenly`)
  assert.is(pings.received, pings.sent)
})

test.run()
