// test: limit=120
// The lab proves itself against a gateway that is not ours: what fails here is the lab's fault, not Postern's.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import * as assert from 'uvu/assert'
import { makeCertificate } from './certificate.ts'
import { Lab, LAN } from './lab.ts'
import { Ocserv } from './ocserv.ts'
import { OpenConnect } from './openconnect.ts'
import { Relay } from './relay.ts'
import { labTests } from './suite.ts'
import { prefix } from './sweep.ts'
import { iperf, ping, serveIperf, serveTransfers, transfer } from './traffic.ts'

const test = labTests({ peers: ['openconnect', 'ocserv', 'iperf3'] })

test('a client reaches the gateway and, without a tunnel, not the lan', async (lab) => {
  assert.is((await ping(lab.client, '10.77.0.1', { count: 1 })).received, 1)
  assert.is((await ping(lab.client, 'fd77::1', { count: 1 })).received, 1)
  assert.is((await ping(lab.client, LAN.ipv4, { count: 1 })).received, 0)
})

test('openconnect logs into ocserv, moves checked bytes in both families and logs out', async (lab) => {
  const certificate = await makeCertificate(lab.folder)
  await Ocserv.start(lab, { certificate, users: { alice: 'secret' } })
  await serveTransfers(lab)
  await serveIperf(lab)
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: certificate.pin, user: 'alice', answers: ['secret'] })
  const told = await client.connected()
  assert.match(told.INTERNAL_IP4_ADDRESS ?? '', /^10\.66\./)
  for (const address of [LAN.ipv4, LAN.ipv6]) {
    assert.is((await ping(lab.client, address)).received, 3)
    for (const way of ['up', 'down'] as const) assert.is((await transfer(lab.client, way, 2_000_000, { address })).bytes, 2_000_000)
  }
  assert.ok((await iperf(lab.client, 'down', 1)).bytes > 1_000_000)
  const end = await client.stop()
  assert.match(end.stderr + end.stdout, /User (cancelled|canceled|requested)|Logout|SIGINT/i)
})

test('openconnect speaks DTLS with ocserv in the lab', async (lab) => {
  const certificate = await makeCertificate(lab.folder)
  await Ocserv.start(lab, { certificate, users: { alice: 'secret' }, dtls: true })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: certificate.pin, user: 'alice', answers: ['secret'] })
  await client.said(/Established DTLS connection/)
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
})

test('a client that is refused says why', async (lab) => {
  const certificate = await makeCertificate(lab.folder)
  await Ocserv.start(lab, { certificate, users: { alice: 'secret' } })
  const client = OpenConnect.start(lab.client, lab.folder, { pin: certificate.pin, user: 'alice', answers: ['wrong', 'wrong', 'wrong'] })
  const end = await client.ended()
  assert.is.not(end.code, 0)
  assert.match(client.output, /Login failed/)
})

test('the relay lends the namespace to sockets of the test process', async (lab) => {
  const certificate = await makeCertificate(lab.folder)
  const server = await Ocserv.start(lab, { certificate, users: { alice: 'secret' } })
  const relay = await Relay.start(lab, lab.client)
  const tls = await relay.tls()
  tls.write('GET / HTTP/1.1\r\nHost: 10.77.0.1\r\n\r\n')
  const [answer] = (await once(tls, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 200/)
  tls.destroy()
  await server.stop()
  const refused = await relay.tcp().then(() => undefined, (error: Error) => error.message)
  assert.match(refused ?? '', /refused/)
})

test('a killed lab is swept by the next one', async () => {
  const code = `import { Lab } from ${JSON.stringify(resolve(import.meta.dirname, 'lab.ts'))}
    Lab.open().then(() => process.stdout.write('open'))`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const mine = (name: string): boolean => name.startsWith(prefix(child.pid ?? -1))
  assert.is(readdirSync('/run/netns').filter(mine).length, 3)
  child.kill('SIGKILL')
  await once(child, 'close')
  assert.is(readdirSync('/run/netns').filter(mine).length, 3)
  const next = await Lab.open()
  assert.equal([...readdirSync('/run/netns'), ...readdirSync(tmpdir())].filter(mine), [])
  await next.close()
  assert.not(existsSync(`/run/netns/${next.gateway.namespace}`))
})

test.run()
