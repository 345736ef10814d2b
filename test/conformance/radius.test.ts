// test: limit=240
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { makeCertificate } from '../lab/certificate.ts'
import { Service, until } from '../lab/command.ts'
import { FreeRadius, RADIUS_SECRET } from '../lab/freeradius.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect', 'freeradius', 'radsecproxy'] })
const PASSWORD = 'correct horse 9'
const LOCAL_PASSWORD = 'battery staple 7'
const user = (name: string, ...reply: readonly string[]): string => `${name} Cleartext-Password := "${PASSWORD}"\n\t${reply.join(',\n\t')}\n\n`
const USERS = [
  user('alice', 'Class = "OU=partners;"', 'Framed-IP-Address = 10.66.0.77', 'Framed-Route = "10.99.0.0/16 0.0.0.0 1"', 'Framed-Route += "10.98.0.0/16"', 'MS-Primary-DNS-Server = 10.88.0.53', 'Session-Timeout = 3600', 'WISPr-Bandwidth-Max-Down = 8000000'),
  user('carol', 'Class = "staff"'),
  // An account whose password has expired: Samba's flags, normal and expired.
  `erin Cleartext-Password := "${PASSWORD}", SMB-Account-CTRL := 131088\n\n`,
  'mallory Auth-Type := Reject\n\tReply-Message = "Your contract has ended"\n\n',
].join('')
/** Carol answers with the code of her token, which is a round of its own. */
const CHALLENGE = `
    if (&User-Name == "carol" && !&State) {
      update reply {
        &Reply-Message := "Code of your token"
        &State := 0x616263
        &Class !* ANY
      }
      update control {
        &Response-Packet-Type := Access-Challenge
      }
      handled
    }
    if (&User-Name == "carol" && &State == 0x616263 && &User-Password == "424242") {
      update control {
        &Auth-Type := Accept
      }
    }`
const file = (lab: Lab, name: string, text: string): string => {
  const path = join(lab.folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}
const dialogue = (gateway: Gateway, name: string, answers: readonly string[], group = 'staff') => ({ pin: gateway.pin, user: name, answers, args: ['--authgroup', group] })
const login = (lab: Lab, gateway: Gateway, name: string, ...answers: readonly string[]): Promise<OpenConnect> => OpenConnect.connect(lab.client, lab.folder, dialogue(gateway, name, answers))

test('G23 freeradius: PAP, MS-CHAPv2, a challenge, a rejection with its text, policy of its attributes, users of both kinds in one group, an expired password, failover, RadSec', async (lab) => {
  const first = await FreeRadius.start(lab, lab.lan, { users: USERS, authorize: CHALLENGE })
  await FreeRadius.start(lab, lab.lan, { users: USERS, authorize: CHALLENGE, port: 1912 })
  const secret = file(lab, 'radius.secret', `${RADIUS_SECRET}\n`)
  const servers = [LAN.ipv4, `${LAN.ipv4}:1912`].map((address) => ({ address, 'accounting-port': 1913, 'secret-file': secret }))
  const config = { group: { staff: { auth: [['radius']] }, partners: { auth: [['radius']] }, mixed: { auth: [['local'], ['radius']] } } }
  const gateway = await Gateway.start(lab, { users: { lena: { password: LOCAL_PASSWORD, groups: ['mixed'] } }, config: { ...config, 'auth-radius': { timeout: '2s', server: servers } } })

  const alice = await login(lab, gateway, 'alice', PASSWORD)
  const told = alice.told('connect') ?? {}
  assert.equal(['INTERNAL_IP4_ADDRESS', 'CISCO_SPLIT_INC', 'CISCO_SPLIT_INC_0_ADDR', 'CISCO_SPLIT_INC_1_ADDR', 'INTERNAL_IP4_DNS'].map((name) => told[name]), ['10.66.0.77', '2', '10.98.0.0', '10.99.0.0', '10.88.0.53'])
  const session = await gateway.session()
  assert.equal([session.user, session.group], ['alice', 'partners'])
  const explained = JSON.parse(await gateway.must(['explain', 'user', '--for-session', session.id, '--json'])) as readonly { readonly key: string; readonly value: unknown; readonly origin: string }[]
  assert.equal(explained.filter(({ key }) => key === 'rate-down' || key === 'session-timeout').map(({ key, value, origin }) => `${key} ${String(value)} ${origin}`), ['session-timeout 1h radius 10.88.0.2', 'rate-down 8 Mbit/s radius 10.88.0.2'])
  await alice.stop()

  const refused = OpenConnect.start(lab.client, lab.folder, dialogue(gateway, 'mallory', [PASSWORD]))
  await refused.said(/Your contract has ended/)
  await refused.stop('SIGKILL')
  const carol = await login(lab, gateway, 'carol', PASSWORD, '424242')
  assert.match(carol.output, /Code of your token/)
  assert.equal([(await gateway.session()).user, (await gateway.session()).group], ['carol', 'staff'])
  await carol.stop()

  // Local or RADIUS: whoever knows the user. One password is none for the other's user.
  for (const [name, password, group] of [['lena', LOCAL_PASSWORD, 'mixed'], ['alice', PASSWORD, 'partners']] as const) {
    const one = await OpenConnect.connect(lab.client, lab.folder, dialogue(gateway, name, [password], 'mixed'))
    assert.equal([(await gateway.session()).user, (await gateway.session()).group], [name, group])
    await one.stop()
  }
  await Promise.all(([['lena', PASSWORD], ['alice', LOCAL_PASSWORD]] as const).map(async ([name, password]) => {
    const one = OpenConnect.start(lab.client, lab.folder, dialogue(gateway, name, [password], 'mixed'))
    await one.said(/Login failed/)
    await one.stop('SIGKILL')
  }))

  // The first server dies, MS-CHAPv2 comes with a reload.
  await first.stop()
  gateway.configure({ ...config, 'auth-radius': { timeout: '2s', protocol: 'mschapv2', server: servers } })
  await gateway.must(['reload'])
  const again = await login(lab, gateway, 'alice', PASSWORD)
  await again.stop()
  const expired = OpenConnect.start(lab.client, lab.folder, dialogue(gateway, 'erin', [PASSWORD]))
  await expired.said(/Your password has expired. Please choose a new one/)
  await expired.stop('SIGKILL')
  const { health } = await gateway.status() as { readonly health: readonly { readonly code: string }[] }
  assert.ok(health.some(({ code }) => code === `auth-radius-server-${LAN.ipv4}:1812`))

  // The same server behind radsecproxy, with certificates both ways.
  const tls = await makeCertificate(lab.folder, { name: 'radius.example.com', file: 'radsec' })
  copyFileSync(tls.certificate, join(lab.folder, 'radsec-ca.pem'))
  const conf = file(lab, 'radsecproxy.conf', `
ListenTLS 10.88.0.2:2083
ListenUDP 127.0.0.1:11812
LogLevel 2
LogDestination file://${lab.folder}/radsecproxy.log
tls default {
  CACertificateFile ${tls.certificate}
  CertificateFile ${tls.certificate}
  CertificateKeyFile ${tls.key}
}
client 10.88.0.1 {
  type tls
  secret radsec
  certificateNameCheck off
}
server freeradius {
  host 127.0.0.1
  type udp
  port 1912
  secret ${RADIUS_SECRET}
}
realm * {
  server freeradius
}
`)
  const proxy = new Service(['radsecproxy', '-f', '-c', conf, '-i', join(lab.folder, 'radsecproxy.pid')], { namespace: lab.lan.namespace })
  lab.onReset(() => proxy.stop('SIGKILL'))
  await until('radsecproxy', async () => /:2083\b/.test((await lab.lan.run(['ss', '-ltn'])).stdout) || undefined)
  gateway.configure({ ...config, 'auth-radius': { timeout: '3s', server: [{ address: `radsec:${LAN.ipv4}`, ca: tls.certificate, certificate: tls.certificate, key: tls.key, 'certificate-name': 'radius.example.com' }] } })
  await gateway.must(['reload'])
  const secure = await login(lab, gateway, 'alice', PASSWORD)
  assert.is(secure.told('connect')?.['INTERNAL_IP4_ADDRESS'], '10.66.0.77')
  await secure.stop()
  assert.not.match(gateway.log, new RegExp(`${RADIUS_SECRET}|${PASSWORD}`))
})

test.run()
