// test: limit=300
// The path to a real client becomes narrow: with a router that says so, and with one that drops in silence.
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN, type Lab } from '../lab/lab.ts'
import { NarrowRouter } from '../lab/narrow.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping, serveTransfers, transfer } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect', 'nft'], clients: 2 })
const PASSWORD = 'correct horse 9'
const UP = /(?:Established DTLS connection|DTLS connected)/
const NARROW = 1400
/** UDP header, record of AES-GCM, type byte. */
const AROUND = 46
const IP = { 4: 20, 6: 40 } as const
const BYTES = 1_000_000

interface Shown {
  readonly state: string
  readonly ipv4: string
  readonly mtu: number | null
}

async function shown(gateway: Gateway, user: string): Promise<Shown> {
  const id = (await gateway.sessions()).find((session) => session.user === user)?.id ?? ''
  return gateway.ask('session show', { id })
}
async function counter(gateway: Gateway, name: string): Promise<number> {
  const { counters } = (await gateway.status()) as { readonly counters: Readonly<Record<string, number>> }
  return counters[name] ?? 0
}

/** One client over one family: returns what it measured. */
async function journey(lab: Lab, gateway: Gateway, index: number, family: 4 | 6, silent: boolean): Promise<string> {
  const host = lab.clients[index] ?? lab.client
  const user = `user${index}`
  const router = await NarrowRouter.insert(lab, index)
  const client = await OpenConnect.connect(host, lab.folder, { server: router.server[family], pin: gateway.pin, user, answers: [PASSWORD] })
  await client.said(UP)
  assert.is((await ping(host, LAN.ipv4)).received, 3)
  const { mtu: before, ipv4 } = await shown(gateway, user)
  const full = before ?? 0
  const fits = NARROW - IP[family] - AROUND
  assert.ok(full > fits, `${full} at first`)
  await router.narrow(NARROW, { silent })
  const began = Date.now()
  const first = await transfer(host, 'down', BYTES, { limitMs: 40_000 })
  const mtu = await until('the MTU to fall', async () => {
    // Whatever size this client has found for itself.
    await ping(lab.lan, ipv4, { count: 1, size: full - 28 })
    const now = (await shown(gateway, user)).mtu ?? full
    return now < full && now
  }, 60_000, () => gateway.log)
  const fell = Date.now() - began
  assert.ok(mtu <= fits && mtu > fits - 16, `${mtu} where ${fits} fit`)
  for (const address of [LAN.ipv4, LAN.ipv6]) assert.is((await ping(host, address, { size: 1200 })).received, 3)
  // A connection made now is told by its own handshake.
  const clamped = await counter(gateway, 'mssClamped')
  await transfer(host, 'down', BYTES)
  assert.ok((await counter(gateway, 'mssClamped')) > clamped)
  assert.is((await shown(gateway, user)).state, 'dtls')
  await router.widen()
  client.forget('reconnect')
  client.service.kill('SIGUSR2')
  await client.happened('reconnect')
  await until('the MTU of a new tunnel', async () => {
    await ping(host, LAN.ipv4, { count: 1 })
    const now = await shown(gateway, user)
    return now.state === 'dtls' && now.mtu === full
  }, 20_000, () => gateway.log)
  return `IPv${family}: ${full} fell to ${mtu} (${fits} fit) within ${fell} ms, a transfer meanwhile took ${first.ms} ms`
}

for (const silent of [true, false]) {
  const kind = silent ? 'a black hole' : 'a router that says so'
  test(`D12 ${kind}, over both families: transfers go on, the MTU falls to the path's, a new tunnel has it back`, async (lab) => {
    await serveTransfers(lab)
    const gateway = await Gateway.start(lab, { users: { user0: PASSWORD, user1: PASSWORD } })
    const lines = await Promise.all([journey(lab, gateway, 0, 4, silent), journey(lab, gateway, 1, 6, silent)])
    for (const line of lines) process.stdout.write(`${kind}, ${line}\n`)
  })
}

test.run()
