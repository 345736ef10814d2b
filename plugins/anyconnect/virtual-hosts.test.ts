import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { HostConfig } from '../../core/api.ts'
import { connectText, group, INIT, login, PasswordBackend, portFixture, replyTo, requestText } from './testing.ts'

const host = (name: string, groups: readonly string[], names: readonly string[] = [name]): HostConfig => ({ name, names, groups, certificates: [], keys: [], policy: {} })
const HOSTS = [host('vpn2.example.com', ['partners', 'guests']), host('branch', ['staff'], ['branch.example.com', '*.branch.example.com'])]
const fixture = (member: readonly string[] = ['staff', 'partners']) =>
  portFixture({
    groups: [group('staff'), group('partners'), group('guests')], gatewayGroups: ['staff'], hosts: HOSTS,
    backends: [new PasswordBackend('local', 'test', 'test123', member)],
  })
const at = (name: string | undefined) => ({ ...(name !== undefined && { serverName: name }) })
const options = (body: string): string[] => [...body.matchAll(/<option value="([^"]*)"/g)].map(([, name = '']) => name)
const groupOf = (body: string): string | undefined => /<tunnel-group>([^<]*)</.exec(body)?.[1]

test('G04 the server name decides which groups are offered; none, an address or an unknown name is the gateway itself', async () => {
  const port = fixture()
  const form = async (serverName: string | undefined, path = '/', init = INIT): Promise<string> => (await port.connect(at(serverName)).post(path, init, serverName === undefined ? {} : { Host: serverName })).body
  for (const name of ['vpn2.example.com', 'VPN2.Example.COM']) assert.equal(options(await form(name)), ['partners', 'guests'])
  for (const name of ['branch.example.com', 'a.branch.example.com', 'vpn.example.com', 'elsewhere.example', 'a.b.branch.example.com', undefined]) {
    const body = await form(name)
    assert.equal([options(body), groupOf(body)], [[], 'staff'], name)
  }
  port.stop()
})

test('G04 a group URL names a group of its host and no other: path, group-access and the list', async () => {
  const port = fixture()
  const form = async (path: string, init = INIT): Promise<string> => (await port.connect(at('vpn2.example.com')).post(path, init, { Host: 'vpn2.example.com' })).body
  assert.equal([groupOf(await form('/guests')), options(await form('/guests'))], ['guests', []])
  assert.is(groupOf(await form('/', INIT.replace('https://vpn.example.com<', 'https://vpn2.example.com/guests<'))), 'guests')
  assert.is(groupOf(await form('/staff')), 'partners')
  assert.is(groupOf(await form('/', INIT.replace('</config-auth>', '<group-select>staff</group-select></config-auth>'))), 'partners')
  const get = async (serverName: string, path: string): Promise<number | undefined> => (await port.connect(at(serverName)).raw(requestText('GET', path, { Host: serverName, Accept: 'text/html' })))?.status
  assert.equal([await get('vpn2.example.com', '/guests'), await get('vpn2.example.com', '/staff'), await get('vpn.example.com', '/staff'), await get('vpn.example.com', '/guests')], [200, 404, 200, 404])
  port.stop()
})

test('G04 a login is for the groups of its host alone, and the session keeps the host', async () => {
  const port = fixture(['staff', 'partners'])
  const client = port.connect(at('vpn2.example.com'))
  const done = await client.post('/', replyTo((await client.post('/', INIT, { Host: 'vpn2.example.com' })).body, { username: 'test', password: 'test123' }), { Host: 'vpn2.example.com' })
  assert.match(done.body, '<session-token>')
  await login(port.connect())
  assert.equal(port.sessions.logins.map(({ group, host }) => [group, host]), [['partners', 'vpn2.example.com'], ['staff', undefined]])
  port.stop()
  // Nobody gets into a partner's group by asking for the gateway itself, and who has no group is in the gateway's first.
  for (const [member, serverName] of [[['partners'], undefined], [['guests'], 'branch.example.com'], [[], 'vpn2.example.com']] as const) {
    const other = fixture(member)
    const one = other.connect(at(serverName))
    const form = await one.post('/', INIT, { Host: serverName ?? 'vpn.example.com' })
    const refused = await one.post('/', replyTo(form.body, { username: 'test', password: 'test123' }), { Host: serverName ?? 'vpn.example.com' })
    assert.match(refused.body, 'You are not a member of this group')
    assert.equal(other.sessions.list(), [])
    other.stop()
  }
})

test('G04 a dialogue that was begun at one host is not finished at another', async () => {
  const port = fixture()
  const form = await port.connect(at('vpn2.example.com')).post('/', INIT, { Host: 'vpn2.example.com' })
  const answer = await port.connect().post('/', replyTo(form.body, { username: 'test', password: 'test123' }))
  assert.match(answer.body, 'The login took too long')
  assert.is(groupOf(answer.body), 'staff')
  assert.equal(port.sessions.logins, [])
  port.stop()
})

test('G04 the cookie of a session opens its tunnel by every name of the gateway; the session stays at its host', async () => {
  const port = fixture()
  const client = port.connect(at('vpn2.example.com'))
  const done = await client.post('/', replyTo((await client.post('/', INIT, { Host: 'vpn2.example.com' })).body, { username: 'test', password: 'test123' }), { Host: 'vpn2.example.com' })
  const cookie = /<session-token>([^<]+)</.exec(done.body)?.[1] ?? ''
  for (const serverName of ['vpn2.example.com', undefined, 'branch.example.com']) {
    const answer = await port.connect(at(serverName)).raw(connectText(cookie, { Host: serverName ?? '192.0.2.1' }))
    assert.equal([answer?.status, answer?.header('X-CSTP-Hostname')], [200, 'vpn2.example.com'], serverName)
  }
  assert.is(port.sessions.list()[0]?.host, 'vpn2.example.com')
  port.stop()
})

test('G28 a Host header that names another of our hosts than the server name: 421, for every method; what is not ours says nothing', async () => {
  const port = fixture()
  const status = async (serverName: string | undefined, name: string, method = 'GET'): Promise<number | undefined> =>
    (await port.connect(at(serverName)).raw(requestText(method, method === 'CONNECT' ? '/CSCOSSLC/tunnel' : '/', { Host: name, Accept: 'text/html' })))?.status
  for (const [serverName, name] of [['vpn2.example.com', 'branch.example.com:4443'], ['vpn2.example.com', 'VPN.example.com'], ['elsewhere.example', 'vpn2.example.com.'], ['vpn.example.com', 'x.branch.example.com']] as const) {
    assert.is(await status(serverName, name), 421, `${serverName} ${name}`)
  }
  assert.is(await status('vpn2.example.com', 'vpn.example.com', 'CONNECT'), 421)
  assert.is((await port.connect(at('vpn2.example.com')).raw('GET https://vpn.example.com/ HTTP/1.1\r\nHost: vpn2.example.com\r\n\r\n'))?.status, 421, 'the authority of the target counts')
  for (const [serverName, name] of [['vpn2.example.com', 'vpn2.example.com:443'], ['vpn2.example.com', '192.0.2.1'], ['vpn2.example.com', '[fd77::1]:443'], ['vpn2.example.com', 'elsewhere.example'], [undefined, 'vpn2.example.com'], ['a.branch.example.com', 'branch.example.com']] as const) {
    assert.is(await status(serverName, name), 200, `${serverName} ${name}`)
  }
  port.stop()
})

test.run()
