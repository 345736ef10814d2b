// test: limit=180
import * as assert from 'uvu/assert'
import { makeCertificate } from '../lab/certificate.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'

test('G03 G09 openconnect logs in with a password, gets an address of both families and reaches the lan', async (lab) => {
  const gateway = await Gateway.start(lab, {
    users: { alice: PASSWORD },
    config: { policy: { dns: ['10.66.0.1'], 'default-domain': 'corp.example', banner: 'Be kind' } },
  })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  const told = await client.connected()
  assert.match(told.INTERNAL_IP4_ADDRESS ?? '', /^10\.66\.\d+\.\d+$/)
  assert.match(told.INTERNAL_IP6_NETMASK ?? '', /^fd66::/)
  assert.is(told.INTERNAL_IP4_DNS, '10.66.0.1')
  assert.is(told.CISCO_DEF_DOMAIN, 'corp.example')
  assert.is(told.CISCO_BANNER, 'Be kind')
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
  assert.is((await ping(lab.client, LAN.ipv6)).received, 3)
  const session = await gateway.session()
  assert.is(session.user, 'alice')
  assert.is(session.ipv4, told.INTERNAL_IP4_ADDRESS ?? '')
  assert.not(gateway.log.includes(PASSWORD), 'the log holds no password')
})

test('G05 a wrong password is followed by the right one in the same dialogue', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: ['wrong', 'alice', PASSWORD] })
  assert.match(client.output, /Login failed/)
  assert.is((await gateway.sessions()).length, 1)
})

test('G05 an unknown user gets the same words as a wrong password and no session', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const texts = []
  for (const user of ['alice', 'nobody']) {
    const client = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user, answers: ['wrong'] })
    const end = await client.ended()
    assert.is.not(end.code, 0)
    texts.push(/Login failed.*/.exec(client.output)?.[0])
  }
  assert.ok(texts[0])
  assert.is(texts[0], texts[1])
  assert.equal(await gateway.sessions(), [])
})

test('G05 a locked user reads that the account is locked', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  await gateway.must(['user', 'lock', 'alice'])
  const client = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  const end = await client.ended()
  assert.is.not(end.code, 0)
  assert.match(client.output, /locked/i)
})

const GROUPS = {
  group: {
    office: { label: 'Office' },
    staff: { label: 'Staff people', policy: { 'split-include': ['10.88.0.0/24', 'fd88::/64'] } },
  },
}
const inStaff = { alice: { password: PASSWORD, groups: ['office', 'staff'] } }

test('G04 the group is picked from the list by its label', async (lab) => {
  const gateway = await Gateway.start(lab, { users: inStaff, config: GROUPS })
  const client = await OpenConnect.connect(lab.client, lab.folder, {
    pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['--authgroup', 'Staff people'],
  })
  assert.is((await gateway.session()).group, 'staff')
  const told = await client.connected()
  assert.is(told.CISCO_SPLIT_INC_0_ADDR, '10.88.0.0')
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
})

test('G04 the group of the URL is taken without a list and its routes reach the client', async (lab) => {
  const gateway = await Gateway.start(lab, { users: inStaff, config: GROUPS })
  const client = await OpenConnect.connect(lab.client, lab.folder, {
    pin: gateway.pin, server: '10.77.0.1/staff', user: 'alice', answers: [PASSWORD],
  })
  assert.is((await gateway.session()).group, 'staff')
  assert.not.match(client.output, /GROUP:/)
  const told = await client.connected()
  assert.is(told.CISCO_SPLIT_INC, '1')
  assert.is(told.CISCO_IPV6_SPLIT_INC_0_ADDR, 'fd88::')
})

test('G04 the group asked for at the prompt is taken', async (lab) => {
  const gateway = await Gateway.start(lab, { users: inStaff, config: GROUPS })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: ['Staff people', PASSWORD] })
  assert.match(client.output, /GROUP: \[/)
  assert.is((await gateway.session()).group, 'staff')
})

test('G01 clients of TLS 1.2 alone and 1.3 alone connect, by RSA and by ECDSA certificate, over IPv4 and IPv6', async (lab) => {
  const certificates = [await makeCertificate(lab.folder, { kind: 'ecdsa' }), await makeCertificate(lab.folder, { kind: 'rsa' })] as const
  const [ecdsa, rsa] = certificates
  const gateway = await Gateway.start(lab, { certificates, users: { alice: PASSWORD } })
  const cases = [
    { server: '10.77.0.1', pin: ecdsa.pin, priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.3', expect: /\(TLS1\.3\).*ECDSA/, version: 'TLSv1.3' },
    { server: '[fd77::1]', pin: ecdsa.pin, priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.2', expect: /\(TLS1\.2\).*ECDSA/, version: 'TLSv1.2' },
    { server: '10.77.0.1', pin: rsa.pin, priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA', expect: /\(TLS1\.2\).*RSA/, version: 'TLSv1.2' },
    { server: '10.77.0.1', pin: rsa.pin, priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256', expect: /\(TLS1\.3\).*RSA/, version: 'TLSv1.3' },
  ]
  for (const { server, pin, priority, expect, version } of cases) {
    const client = await OpenConnect.connect(lab.client, lab.folder, { server, pin, user: 'alice', answers: [PASSWORD], args: ['--gnutls-priority', priority] })
    assert.match(client.output, expect)
    const session = await gateway.session()
    assert.is(session.tls?.version, version)
    assert.match(session.tls?.cipher ?? '', /GCM|CHACHA20/)
    assert.is((await ping(lab.client, LAN.ipv4, { count: 1 })).received, 1)
    await client.stop()
  }
})

test('G01 a client that names the gateway (SNI) connects, and so does one with a foreign name', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  for (const name of ['vpn.example.com', 'other.example.net']) {
    const client = await OpenConnect.connect(lab.client, lab.folder, {
      pin: gateway.pin, server: name, user: 'alice', answers: [PASSWORD], args: ['--resolve', `${name}:10.77.0.1`],
    })
    assert.is((await gateway.sessions()).length, 1)
    await client.stop()
  }
})

test('G01 TLS 1.1 is refused', async (lab) => {
  await Gateway.start(lab)
  const old = await lab.client.run(['openssl', 's_client', '-connect', '10.77.0.1:443', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'])
  assert.is.not(old.code, 0)
  assert.match(old.stderr, /alert protocol version|unsupported protocol/)
})

test.run()
