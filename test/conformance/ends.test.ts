// test: limit=180
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'], clients: 2 })
const PASSWORD = 'correct horse 9'

async function cookieOf(lab: Lab, gateway: Gateway): Promise<string> {
  const asked = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['--authenticate'] })
  await asked.ended()
  return /^COOKIE='([^']+)'/m.exec(asked.output)?.[1] ?? ''
}
const detail = async (gateway: Gateway): Promise<{ readonly tunnels: number; readonly history: readonly { readonly what: string }[] }> =>
  gateway.ask('session show', { id: (await gateway.session()).id })

test('D05 D10 session-timeout: a real client learns of it at CONNECT, reads why it ends, and its cookie asks for a login', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { policy: { 'session-timeout': '8s' } } })
  const cookie = await cookieOf(lab, gateway)
  const options = { pin: gateway.pin, args: ['--cookie', cookie] }
  const client = await OpenConnect.connect(lab.client, lab.folder, options)
  assert.match(client.output, /authentication will expire/)
  const end = await client.ended()
  assert.is.not(end.code, 0)
  assert.match(client.output, /The session has reached its maximum length/)
  assert.equal(await gateway.sessions(), [])
  assert.match(gateway.log, /"msg":"session ends soon"/)
  assert.match(gateway.log, /"cause":"session-timeout"/)
  const again = await OpenConnect.start(lab.client, lab.folder, options).ended()
  assert.is(again.code, 2)
  assert.match(again.stderr, /Cookie was rejected by server/)
  // The log may come 20 ms late.
  const line = await until('the line of the refusal', () => /\{[^\n]*"msg":"tunnel refused"[^\n]*\}/.exec(gateway.log)?.[0])
  assert.match(line, /"ended":"session-timeout"/)
})

test('D04 inactivity-timeout ends the client that sends nothing and leaves the one that does', async (lab) => {
  const gateway = await Gateway.start(lab, {
    users: { alice: PASSWORD, bob: PASSWORD }, config: { policy: { 'inactivity-timeout': '6s', dpd: '2s', keepalive: '1s' } },
  })
  const [, other = lab.client] = lab.clients
  const quiet = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  const busy = await OpenConnect.connect(other, lab.folder, { pin: gateway.pin, user: 'bob', answers: [PASSWORD] })
  // What a kernel says on a new link of its own accord counts as payload.
  await lab.client.must(['ip', 'link', 'set', 'tun0', 'down'])
  const talk = (async () => {
    while (quiet.service.result === undefined) await ping(other, LAN.ipv4)
  })()
  await quiet.ended(30_000)
  await talk
  assert.match(quiet.output, /nothing was sent for too long/)
  assert.is(busy.service.result, undefined)
  assert.equal((await gateway.sessions()).map(({ user }) => user), ['bob'])
  assert.match(gateway.log, /"cause":"inactivity-timeout"/)
})

test('D09 two real clients with one cookie: the newer wins at a bounded rate, and the log says that there are two', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const cookie = await cookieOf(lab, gateway)
  const [, other = lab.client] = lab.clients
  const options = { pin: gateway.pin, args: ['--cookie', cookie] }
  const clients = [await OpenConnect.connect(lab.client, lab.folder, options), OpenConnect.start(other, lab.folder, options)]
  await until('the gateway to notice', () => /two clients use the cookie of one session/.test(gateway.log), 30_000)
  await new Promise((done) => setTimeout(done, 2000))
  const { tunnels } = await detail(gateway)
  console.log(`two clients with one cookie: ${tunnels} tunnels, then a standstill`)
  assert.ok(tunnels >= 9 && tunnels <= 11, `${tunnels}`)
  assert.ok((await gateway.session()).state !== 'waiting')
  assert.is(clients.filter(({ service }) => service.result === undefined).length, 2, 'both still want it')
})

test.run()
