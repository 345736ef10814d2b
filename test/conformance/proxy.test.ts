// test: limit=120
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { startConnectProxy, startHaproxy } from '../lab/proxies.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['haproxy', 'openconnect', 'curl', 'ss'], clients: 2 })
const PASSWORD = 'correct horse 9'

test('G28 behind haproxy, PROXY v1 and v2, both families: sessions have the address of the client, DTLS goes past the proxy', async (lab) => {
  const gateway = await Gateway.start(lab, {
    users: { alice: PASSWORD, bob: PASSWORD },
    config: { gateway: { listen: ['0.0.0.0:4443', '[::]:4443'], 'proxy-protocol-from': ['127.0.0.0/8', '::1/128'] } },
  })
  await startHaproxy(lab, [
    { bind: ['10.77.0.1:443', '[fd77::1]:443'], to: '127.0.0.1:4443', version: 1 },
    { bind: [':::8443 v4v6'], to: '[::1]:4443', version: 2 },
  ])
  const [one, other] = lab.clients
  assert.ok(one && other)
  const start = (host: typeof one, server: string, user: string): OpenConnect => OpenConnect.start(host, lab.folder, { server, pin: gateway.pin, user, answers: [PASSWORD] })
  // haproxy writes an IPv4 client of a socket for both families as ::ffff:10.77.0.10.
  const clients = [start(one, '10.77.0.1:8443', 'alice'), start(other, '[fd77::1]', 'bob')]
  await Promise.all(clients.map((client) => client.connected()))
  let sessions = await gateway.sessions()
  await until('both on DTLS', async () => (sessions = await gateway.sessions()).every(({ state }) => state === 'dtls'), 20_000, () => gateway.log)
  assert.equal(sessions.map(({ user, peer }) => [user, peer.replace(/:\d+$/, '')]).sort(), [['alice', one.ipv4], ['bob', `[${other.ipv6}]`]])
  assert.not.match(gateway.log, /"peer":"(?:127\.0\.0\.1|::1|::ffff)/)
  await Promise.all(clients.map((client) => client.stop()))

  // Sixteen open handshakes are the share of one address; what else it opens waits, and only its own waits.
  const relay = await Relay.start(lab, one)
  const silent = await Promise.all(Array.from({ length: 24 }, () => relay.tcp('10.77.0.1', 443)))
  const counters = async (): Promise<Record<string, number>> => (await gateway.status())['counters'] as Record<string, number>
  await until('the crowd to wait', async () => ((await counters())['connectionsWaiting'] ?? 0) === 8, 10_000)
  const page = await other.run(['curl', '-sk', '--max-time', '5', '-o', '/dev/null', '-w', '%{http_code}', '-A', 'Mozilla/5.0', 'https://10.77.0.1/'])
  assert.is(page.stdout, '200')
  for (const socket of silent) socket.destroy()

  // Past the proxy: believed from nobody else, and demanded of it.
  const refusedBefore = (await counters())['proxyHeadersRefused'] ?? 0
  const bare = await lab.gateway.run(['curl', '-sk', '--max-time', '5', 'https://127.0.0.1:4443/'])
  assert.is.not(bare.code, 0)
  assert.is((await counters())['proxyHeadersRefused'], refusedBefore + 1)
  const direct = ['curl', '-sk', '--max-time', '5', '-o', '/dev/null', '-w', '%{http_code}', '-A', 'Mozilla/5.0', 'https://10.77.0.1:4443/']
  assert.is((await other.run(direct)).stdout, '200')
  const forged = await other.run([...direct, '--haproxy-protocol'])
  assert.is.not(forged.code, 0)
})

test('G28 openconnect through a client-side proxy: login and tunnel by CONNECT', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const proxy = await startConnectProxy(lab, lab.gateway, '10.77.0.1', 3128)
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['-P', 'http://10.77.0.1:3128'] })
  assert.match(proxy.stdout, 'CONNECT 10.77.0.1:443')
  const session = await gateway.session()
  assert.match(session.peer, /^10\.77\.0\.1:/)
  await lab.client.must(['ping', '-c', '1', '-W', '5', '10.66.0.1'])
  await client.stop()
})

test.run()
