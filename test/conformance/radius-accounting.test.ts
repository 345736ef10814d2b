// test: limit=240
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { FreeRadius, RADIUS_SECRET } from '../lab/freeradius.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const test = labTests({ peers: ['openconnect', 'freeradius', 'radclient'] })
const PASSWORD = 'correct horse 9'
const USERS = `alice Cleartext-Password := "${PASSWORD}"\n\tClass = "OU=staff;", Class += 0x00ff01\n`
const OF = ['Acct-Session-Id', 'User-Name', 'Framed-IP-Address'] as const

async function start(lab: Lab): Promise<Gateway> {
  writeFileSync(join(lab.folder, 'radius.secret'), RADIUS_SECRET, { mode: 0o600 })
  return Gateway.start(lab, { config: {
    group: { staff: { auth: [['radius']] } },
    'auth-radius': { 'disconnect-listen': ['0.0.0.0:3799'], timeout: '2s', server: [{ address: LAN.ipv4, 'secret-file': join(lab.folder, 'radius.secret') }] },
  } })
}
/** Answer of the gateway to radclient. */
const radclient = async (lab: Lab, kind: 'coa' | 'disconnect', attributes: string, secret = RADIUS_SECRET): Promise<string> =>
  (await lab.lan.run(['radclient', '-x', '-r', '1', '-t', '1', '10.88.0.1:3799', kind, secret], { input: `${attributes}\n` })).stdout

test('G23 freeradius hears of a session from its start to its end, over the gateway\'s restart and its own absence; CoA and Disconnect reach it', async (lab) => {
  const server = await FreeRadius.start(lab, lab.lan, { users: USERS })
  const records = (kind: string) => server.accounting().filter((record) => record['Acct-Status-Type'] === kind)
  const gateway = await start(lab)
  await until('Accounting-On', () => records('Accounting-On').length === 1)
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  const session = await gateway.session()
  const begun = await until('a start', () => records('Start')[0])
  assert.equal(OF.map((name) => begun[name]), [session.id, 'alice', session.ipv4])
  assert.equal([begun['Calling-Station-Id'], begun['NAS-Identifier'], begun['Framed-IPv6-Address'], begun['Class']], [lab.client.ipv4, 'vpn.example.com', session.ipv6, '0x00ff01'])
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)

  const id = `Acct-Session-Id = ${session.id}`
  assert.match(await radclient(lab, 'coa', `${id}, WISPr-Bandwidth-Max-Down = 8000000, Session-Timeout = 3600`), /Received CoA-ACK/)

  const explained = JSON.parse(await gateway.must(['explain', 'user', '--for-session', session.id, '--json'])) as readonly { key: string; value: unknown; origin: string }[]
  assert.equal(explained.filter(({ key }) => key === 'rate-down' || key === 'session-timeout').map(({ key, value, origin }) => `${key} ${String(value)} ${origin}`), ['session-timeout 1h radius 10.88.0.2', 'rate-down 8 Mbit/s radius 10.88.0.2'])
  assert.match(await radclient(lab, 'coa', `${id}, Framed-MTU = 1200`), /Received CoA-NAK[^]*Error-Cause = Unsupported-Attribute/)
  assert.match(await radclient(lab, 'disconnect', 'User-Name = mallory'), /Received Disconnect-NAK[^]*Error-Cause = Session-Context-Not-Found/)
  assert.not.match(await radclient(lab, 'disconnect', id, 'wrong'), /Received/)

  client.forget('reconnect')
  // Otherwise it meets no gateway and waits ten seconds.
  process.kill(client.service.pid, 'SIGSTOP')
  await gateway.stop()
  await gateway.start()
  process.kill(client.service.pid, 'SIGCONT')
  await client.happened('reconnect', 60_000)
  const [interim] = await until('an interim record', () => records('Interim-Update').length > 0 && records('Interim-Update'))
  assert.equal(OF.map((name) => interim?.[name]), [session.id, 'alice', session.ipv4])
  assert.equal([records('Start').length, records('Accounting-On').length, records('Accounting-Off').length], [1, 1, 0])

  await server.stop()
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
  await client.stop('SIGINT')
  await until('the session to end', async () => (await gateway.sessions()).length === 0)
  await gateway.stop()
  await gateway.start()
  await server.start()
  const stop = await until('a stop', () => records('Stop')[0], 40_000)
  assert.equal([...OF.map((name) => stop[name]), stop['Acct-Terminate-Cause']], [session.id, 'alice', session.ipv4, 'User-Request'])
  assert.ok(Number(stop['Acct-Input-Octets']) >= 6 * 84 && Number(stop['Acct-Output-Octets']) >= 6 * 84 && Number(stop['Acct-Delay-Time']) >= 1, JSON.stringify(stop))

  const second = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  assert.match(await radclient(lab, 'disconnect', 'User-Name = alice, Reply-Message = "Your account was closed."'), /Received Disconnect-ACK/)
  await second.said(/Your account was closed\./)
  const withdrawn = await until('a stop', () => records('Stop')[1])
  assert.is(withdrawn['Acct-Terminate-Cause'], 'Admin-Reset')
  await gateway.stop()
  await until('Accounting-Off', () => server.accounting().at(-1)?.['Acct-Status-Type'] === 'Accounting-Off')
})

test.run()
