// test: limit=240
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN } from '../lab/lab.ts'
import { phoneBehindRouter } from '../lab/nat.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect', 'nft'] })
const PASSWORD = 'correct horse 9'

/** `KEEPALIVE_SCALE=full` proves it at the times of a real router; a few minutes. */
const full = process.env.KEEPALIVE_SCALE === 'full'
const NAT_SEC = full ? 35 : 7
const POLICY = full ? { keepalive: '20s', 'mobile-dpd': '60s' } : { keepalive: '4s', 'mobile-dpd': '20s' }
const EXPECTED = full ? { above: 20, below: 35 } : { above: 4, below: 7 }

interface Shown {
  readonly state: string
  readonly keepalive: { readonly seconds: number; readonly network: string | null; readonly settled: boolean | null }
}

test(`D06 an idle phone behind a router that forgets UDP after ${NAT_SEC} s: the keepalive settles below that`, async (lab) => {
  const phone = await phoneBehindRouter(lab, NAT_SEC)
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { policy: POLICY } })
  const client = await OpenConnect.connect(phone, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['--os=android'] })
  const show = async (): Promise<Shown> => gateway.ask('session show', { id: (await gateway.session()).id })
  await until('the session to be on DTLS', async () => (await show()).state === 'dtls', 20_000, () => gateway.log)
  const started = Date.now()
  const seen: number[] = []
  const states = new Set<string>()
  const settled = await until('the keepalive to settle', async () => {
    const shown = await show()
    states.add(shown.state)
    if (shown.keepalive.seconds !== seen.at(-1)) seen.push(shown.keepalive.seconds)
    return shown.keepalive.settled ? shown : undefined
  }, full ? 400_000 : 120_000, () => `${seen.join(' ')}\n${gateway.log}\n${client.output}`)
  process.stdout.write(`keepalives ${seen.join(', ')} s after ${((Date.now() - started) / 1000).toFixed(0)} s\n`)
  assert.is(settled.keepalive.network, '10.77.0.0/24')
  assert.ok(settled.keepalive.seconds < EXPECTED.below && settled.keepalive.seconds > EXPECTED.above, `${settled.keepalive.seconds} s`)
  // It holds: two silences later nothing else is known, and the channel carries.
  await new Promise((done) => setTimeout(done, (2 * settled.keepalive.seconds + 1) * 1000))
  const last = await show()
  assert.equal(last.keepalive, settled.keepalive)
  states.add(last.state)
  assert.is(last.state, 'dtls')
  assert.is((await ping(phone, LAN.ipv4)).received, 3)
  assert.not.match(gateway.log, /"msg":"(?:dtls|tunnel) down"/)
  assert.equal([...states].filter((state) => state !== 'dtls' && state !== 'tls'), [])
  await client.stop()
})

test.run()
