// test: limit=240
import * as assert from 'uvu/assert'
import { AnyConnectConnection, login } from '../lab/anyconnect.ts'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect', 'nft', 'ss'], clients: 2 })
const PASSWORD = 'correct horse 9'
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

test('status and session list answer in JSON with the documented fields', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  assert.equal(await gateway.sessions(), [])
  await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  await ping(lab.client, LAN.ipv4)
  const session = await until('DTLS', async () => {
    const one = await gateway.session()
    return one.state === 'dtls' && one
  })
  assert.is(session.user, 'alice')
  assert.is(session.dtls?.version, 'DTLSv1.2')
  assert.match(session.dtls?.cipher ?? '', /^PSK-/)
  assert.match(session.peer, /^10\.77\.0\.10(:\d+)?$/)
  assert.match(session.agent, /^Open AnyConnect VPN Agent/)
  assert.match(session.createdAt, TIME)
  assert.match(session.connectedAt ?? '', TIME)
  assert.is(session.idleSince, null)
  assert.ok(session.rxBytes >= 3 * 84)
  assert.ok(session.txBytes >= 3 * 84)
  const status = await gateway.status()
  assert.equal(status.sessions, { total: 1, dtls: 1, tls: 0, waiting: 0 })
  assert.equal(status.udp, status.listeners)
  assert.ok((status.plugins as { name: string; state: string }[]).some(({ name }) => name === 'anyconnect'))
  assert.ok(Array.isArray(status.health))
  assert.type(status.version, 'string')
  assert.type(status.uptimeSec, 'number')
  const shown = await gateway.must(['session', 'show', session.id])
  assert.match(shown, /alice/)
})

test('G14 with the DTLS plugin switched off the gateway is TLS only, opens no UDP port, and says so', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { dtls: { enabled: false } } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
  const session = await gateway.session()
  assert.equal([session.state, session.dtls], ['tls', null])
  const status = await gateway.status()
  assert.equal(status.udp, [])
  assert.ok((status.plugins as { name: string; state: string }[]).some(({ name, state }) => name === 'dtls' && state === 'off'))
  assert.match(await gateway.must(['status']), /TLS only/)
  assert.match(gateway.log, /"msg":"no UDP port is open: sessions use TLS alone"/)
  assert.not.match(await lab.gateway.must(['ss', '-Hlun']), /:443\s/)
  assert.match(client.output, /(No DTLS address|DTLS option|Server offered no DTLS)/i)
})

test('G07 logout ends the session and its cookie', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const asked = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['--authenticate'] })
  await asked.ended()
  const cookie = /^COOKIE='([^']+)'/m.exec(asked.output)?.[1] ?? ''
  assert.ok(cookie.length > 20, asked.output.replace(/COOKIE=.*/, ''))
  const options = { pin: gateway.pin, args: ['--cookie', cookie] }
  const client = await OpenConnect.connect(lab.client, lab.folder, options)
  await client.stop('SIGINT')
  await until('the session to end', async () => (await gateway.sessions()).length === 0)
  const again = await OpenConnect.start(lab.client, lab.folder, options).ended()
  assert.is(again.code, 2)
  assert.match(again.stderr, /Cookie was rejected by server/)
  assert.not(gateway.log.includes(cookie), 'the log holds no cookie')
})

test('D03 a client that leaves without logout comes back with its cookie to the same addresses', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const asked = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['--authenticate'] })
  await asked.ended()
  const cookie = /^COOKIE='([^']+)'/m.exec(asked.output)?.[1] ?? ''
  const options = { pin: gateway.pin, args: ['--cookie', cookie] }
  const first = await OpenConnect.connect(lab.client, lab.folder, options)
  const before = await gateway.session()
  await first.stop('SIGKILL')
  const waiting = await until('the session to wait', async () => (await gateway.sessions()).find(({ state }) => state === 'waiting'))
  assert.is(waiting.id, before.id)
  assert.match(waiting.idleSince ?? '', TIME)
  await OpenConnect.connect(lab.client, lab.folder, options)
  const after = await gateway.session()
  assert.equal([after.id, after.ipv4, after.ipv6], [before.id, before.ipv4, before.ipv6])
  assert.is.not(after.state, 'waiting')
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
})

test('session drop ends the client with the text', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  const { id } = await gateway.session()
  await gateway.must(['session', 'drop', id, '--reason', 'Maintenance at noon'])
  const end = await client.ended()
  assert.is.not(end.code, 0)
  assert.match(client.output, /Maintenance at noon/)
  assert.equal(await gateway.sessions(), [])
})

test('after the TCP connection is reset the client reconnects with its cookie: same session, same addresses, no login', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  const before = await gateway.session()
  for (const end of [lab.client, lab.gateway]) {
    client.forget('reconnect')
    const { connectedAt } = await gateway.session()
    const filter = end === lab.client ? ['dst', GATEWAY.ipv4] : ['dst', lab.client.ipv4]
    await end.must(['ss', '-K', ...filter])
    await client.happened('reconnect')
    const after = await until('the new tunnel', async () => {
      const session = await gateway.session()
      return session.state !== 'waiting' && session.connectedAt !== connectedAt && session
    })
    assert.equal([after.id, after.ipv4, after.ipv6, after.createdAt], [before.id, before.ipv4, before.ipv6, before.createdAt])
    assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
    assert.is((await ping(lab.client, LAN.ipv6)).received, 3)
  }
})

test('D03 a connection that falls silent is found dead by both ends and replaced', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { policy: { dpd: '2s', keepalive: '0s', 'dpd-retries': 2 } } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  const before = await gateway.session()
  const port = /:(\d+)$/.exec(before.peer)?.[1] ?? /:(\d+)\s*$/.exec((await lab.client.must(['ss', '-Htn', 'dst', GATEWAY.ipv4])).split(/\s+/)[3] ?? '')?.[1]
  assert.ok(port, 'the port of the client is known')
  client.forget('reconnect')
  // Nothing of this one connection passes any more, and nobody is told.
  await lab.gateway.batch('nft', `
add table inet silence
add chain inet silence input { type filter hook input priority -10; }
add chain inet silence output { type filter hook output priority -10; }
add rule inet silence input tcp sport ${port} drop
add rule inet silence output tcp dport ${port} drop
`)
  await client.happened('reconnect', 40_000)
  const after = await until('the new tunnel', async () => {
    const session = await gateway.session()
    return session.state !== 'waiting' && session.connectedAt !== before.connectedAt && session
  })
  assert.equal([after.id, after.ipv4, after.ipv6], [before.id, before.ipv4, before.ipv6])
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
})

test('D09 of two CONNECTs with one cookie at once one tunnel remains, and traffic goes to it', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const relay = await Relay.start(lab, lab.client)
  const open = async (): Promise<AnyConnectConnection> => new AnyConnectConnection(await relay.tls(), GATEWAY.ipv4)
  const cookie = await login(await open(), { username: 'alice', password: PASSWORD })
  const both = await Promise.all([open(), open()])
  const answers = await Promise.all(both.map((connection) => connection.tunnel(cookie)))
  assert.equal(answers.map(({ status }) => status), [200, 200])
  await until('one of them to be closed', () => both.filter(({ socket }) => socket.destroyed || socket.readableEnded).length === 1)
  const session = await gateway.session()
  assert.is(session.state, 'tls')
  const living = both.find(({ socket }) => !socket.readableEnded)
  assert.ok(living)
  // An echo request of the gateway's kernel arrives as CSTP data on the living one.
  void lab.gateway.run(['ping', '-n', '-c', '1', '-W', '1', session.ipv4 ?? ''])
  await living.more()
  assert.is(living.rest.subarray(0, 4).toString('hex'), '53544601')
  for (const { socket } of both) socket.destroy()
})

test('G07 altered, foreign and missing cookies are refused with 401', async (lab) => {
  await Gateway.start(lab, { users: { alice: PASSWORD } })
  const relay = await Relay.start(lab, lab.client)
  const open = async (): Promise<AnyConnectConnection> => new AnyConnectConnection(await relay.tls(), GATEWAY.ipv4)
  const cookie = await login(await open(), { username: 'alice', password: PASSWORD })
  const middle = Math.floor(cookie.length / 2)
  const altered = cookie.slice(0, middle) + (cookie[middle] === 'A' ? 'B' : 'A') + cookie.slice(middle + 1)
  for (const value of [altered, cookie.slice(0, -4), 'AAAA', '', 'x'.repeat(4000)]) {
    const connection = await open()
    assert.is((await connection.tunnel(value)).status, 401)
    connection.socket.destroy()
  }
  const right = await open()
  assert.is((await right.tunnel(cookie)).status, 200)
  right.socket.destroy()
})

test.run()
