// test: limit=120
// Who tries passwords is slowed and banned; who is at home behind the same address, or holds a cookie, does not notice.
import * as assert from 'uvu/assert'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, type Host, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect'], clients: 2 })
const PASSWORD = 'correct horse 9'
const BANNED = /Too many failed attempts from your network\. Try again in 1[45] minutes\./
/** New to the network, each counts twice. */
const NAMES = ['eve', 'mallory', 'trudy']
const IPV6 = '[fd77::1]'

interface BanRow {
  readonly target: string
  readonly by: string
  readonly reason: string
}

test('G27 G05 bans: the text, the colleague behind the same address, the cookie, the restart, IPv6 by prefix, ban remove', async (lab) => {
  const [office, elsewhere] = lab.clients as readonly [Host, Host]
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD, bob: PASSWORD }, config: { 'login-guard': { 'ban-after': 5 }, group: { everybody: {}, codes: { auth: [['local', 'totp']], listed: false } } } })
  const alice = await OpenConnect.connect(office, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })

  for (const user of NAMES) await logIn(lab, gateway, office, user, ['guess'])
  const [ban] = await gateway.ask<readonly BanRow[]>('ban list')
  assert.equal([ban?.target, ban?.by], ['10.77.0.10', 'login-guard'])
  assert.match(ban?.reason ?? '', /^3 failures in \d+ s for 3 names$/)

  assert.match(await logIn(lab, gateway, office, 'bob', [PASSWORD]), BANNED)
  assert.is(await logIn(lab, gateway, office, 'alice', [PASSWORD]), 'in', 'a colleague who has logged in from there')
  assert.is(await logIn(lab, gateway, elsewhere, 'bob', [PASSWORD]), 'in')
  alice.forget('reconnect')
  alice.service.kill('SIGUSR2')
  await alice.happened('reconnect')

  await gateway.stop()
  await gateway.start()
  assert.match(await logIn(lab, gateway, office, 'bob', [PASSWORD]), BANNED)
  assert.is(await logIn(lab, gateway, office, 'alice', [PASSWORD]), 'in', 'known after the restart')

  for (const user of NAMES) await logIn(lab, gateway, elsewhere, user, ['guess'], IPV6)
  assert.match(await logIn(lab, gateway, office, 'bob', [PASSWORD], IPV6), BANNED, 'the /64 is one network')
  // Nobody has logged in from there, so nobody can: 403 instead of a form, and openconnect shows its first line.
  const page = (path: string, ...args: string[]): Promise<string> => office.run(['curl', '-skg', '-i', '--max-time', '10', ...args, `https://${path}`]).then(({ stdout }) => stdout)
  for (const path of ['/', '/+webvpn+/index.html', '/totp']) assert.match(await page(`${IPV6}${path}`, '-H', 'Accept: text/html'), /^HTTP\/1\.1 403 Too many failed attempts from your network\. Try again in 1[45] minutes\.\r\n[^]*\r\nRetry-After: (8|9)\d\d\r\n[^]*<p>Too many failed/)
  assert.match(await page(GATEWAY.ipv4, '-H', 'Accept: text/html'), /^HTTP\/1\.1 200 OK/, 'banned, but alice is at home there')
  const { bans } = await gateway.status()
  assert.equal(bans, { networks: 2, users: 0, waiting: 0 })

  assert.match(await gateway.must(['ban', 'remove', 'fd77::10']), /fd77::\/64 may log in again/)
  assert.is(await logIn(lab, gateway, office, 'bob', [PASSWORD], IPV6), 'in')
  await gateway.must(['ban', 'remove', office.ipv4])
  await gateway.must(['ban', 'add', '10.77.0.0/24', '--for', '2h'])
  const shut = await logIn(lab, gateway, office, 'alice', [PASSWORD])
  assert.match(shut, /HTTP\/1\.1 403 Logins from your network are not accepted\. Try again in 2 hours\./, 'by hand it holds for all')
  assert.not.match(shut, /Password/)
  alice.forget('reconnect')
  alice.service.kill('SIGUSR2')
  await alice.happened('reconnect')
  await gateway.must(['ban', 'remove', '10.77.0.0/24'])
  assert.is(await logIn(lab, gateway, office, 'bob', [PASSWORD]), 'in')

  assert.match(await gateway.must(['ban', 'add', 'alice', '--for', '1h', '--reason', 'lost laptop', '--drop']), /^alice may not log in for 60 minutes, \d+ sessions? ended/)
  await alice.ended()
  assert.match(await logIn(lab, gateway, office, 'alice', [PASSWORD]), /Logins of this account are not accepted\. Try again in (60|59) minutes\./)
  const audit = await gateway.ask<readonly { action: string; actor: string; subject?: string; detail?: string }[]>('audit')
  assert.equal(audit.filter(({ action }) => action.startsWith('ban.')).map(({ action, actor, subject }) => `${action} ${actor} ${subject}`).reverse(), [
    'ban.add login-guard 10.77.0.10', 'ban.add login-guard fd77::/64', 'ban.remove cli fd77::10', 'ban.remove cli 10.77.0.10', 'ban.add cli 10.77.0.0/24', 'ban.remove cli 10.77.0.0/24', 'ban.add cli alice',
  ])
})

/** `in` with a cookie, or else what the client said. */
async function logIn(lab: Lab, gateway: Gateway, host: Host, user: string, answers: readonly string[], server?: string): Promise<string> {
  const client = OpenConnect.start(host, lab.folder, { pin: gateway.pin, user, answers, server, args: ['--authenticate'] })
  const { code, stdout } = await client.ended()
  return code === 0 && stdout.includes('COOKIE=') ? 'in' : client.output
}

test.run()
