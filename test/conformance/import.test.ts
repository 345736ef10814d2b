// test: limit=120
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { makeCertificate, type Certificate } from '../lab/certificate.ts'
import { must } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, type Lab } from '../lab/lab.ts'
import { Ocserv } from '../lab/ocserv.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['ocserv', 'ocpasswd', 'openconnect'] })
const PASSWORD = 'correct horse 9'
const SAMPLE = '/etc/ocserv/ocserv.conf'

/** What virtual hosts inherit too, since ocserv 1.5. */
const INHERITED = `
no-route = 10.88.0.128/25
nbns = 10.88.0.54
split-dns = corp.example
default-domain = corp.example
tunnel-all-dns = false
idle-timeout = 1200
session-timeout = 86400
max-same-clients = 4
`
const SETTINGS = `${INHERITED}
route = 10.88.0.0/24
route = 10.99.0.0/255.255.0.0
route = fd88::/64
dns = 10.88.0.53
dns = fd88::53
banner = "Welcome back"
auth-timeout = 120
`

const PARTNERS = 'partner.example.com'
/** A virtual host with users, addresses and routes of its own. ocserv before 1.4.2 lets nobody in there without a device. */
const virtualHost = (passwords: string, { certificate, key }: Certificate): string => `
[vhost:${PARTNERS}]
auth = "plain[passwd=${passwords}]"
server-cert = ${certificate}
server-key = ${key}
device = vpnp
ipv4-network = 10.67.0.0/24
route = 10.99.7.0/24
dns = 10.88.0.55
banner = "Hello partner"
${INHERITED}
dpd = 90
mobile-dpd = 1800
keepalive = 32400
`

/** Headers whose value, or whose presence, is another here; each with the reason. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'X-CSTP-Server-Name': 'ocserv names itself and its version',
  'X-CSTP-Address': 'each gateway chooses from the same pool',
  'X-CSTP-Address-IP6': 'likewise, and ocserv sends the length of one address where we send that of the pool',
  'X-CSTP-Hostname': 'ocserv repeats the name of the client, we tell our own',
  'X-CSTP-Lease-Duration': 'ocserv tells no duration beside the session timeout',
  'X-CSTP-Session-Timeout-Remaining': 'likewise',
  'X-CSTP-Session-Timeout-Alert-Interval': 'likewise',
  'X-CSTP-Disconnected-Timeout': 'ocserv says "none" and keeps the cookie for cookie-timeout; we say how long',
  'X-CSTP-Protocol': 'as Cisco\'s gateways send it',
  'X-Transcend-Version': 'likewise',
  'X-CSTP-Banner': 'with escapes for blanks, as Cisco\'s gateways send it; the text that clients show is compared below',
  'X-CSTP-Rekey-Time': 'spread over a tenth, so that clients do not come together',
  'X-CSTP-MTU': 'the overhead of the channel is counted to the byte',
  'X-CSTP-Base-MTU': 'likewise',
}

interface Told {
  readonly headers: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** What one login of the same client brought. */
async function login(lab: Lab, pin: string, user: string, host?: string): Promise<Told> {
  const named = host === undefined ? {} : { server: host }
  const client = await OpenConnect.connect(lab.client, lab.folder, { ...named, pin, user, answers: [PASSWORD], args: ['-v', '--no-dtls', ...(host === undefined ? [] : ['--resolve', `${host}:${GATEWAY.ipv4}`])] })
  const environment = client.told('connect') ?? {}
  const answer = client.output.slice(client.output.lastIndexOf('Got CONNECT response'))
  const headers = [...answer.matchAll(/^(X-(?:CSTP|Transcend)-[^\r\n]*)/gm)].map(([, header = '']) => header.trim())
  await client.stop()
  return { headers, environment }
}

const byName = (headers: readonly string[]): ReadonlyMap<string, readonly string[]> => {
  const map = new Map<string, string[]>()
  for (const header of headers) {
    const name = header.slice(0, header.indexOf(':'))
    map.set(name, [...(map.get(name) ?? []), header.slice(name.length + 1).trim()])
  }
  return map
}
/** Names of headers that differ, with both sides. */
function differing(before: Told, after: Told): readonly string[] {
  const [theirs, ours] = [byName(before.headers), byName(after.headers)]
  assert.ok(theirs.size > 10, before.headers.join('\n'))
  return [...new Set([...theirs.keys(), ...ours.keys()])]
    .filter((name) => !(name in OTHERWISE) && JSON.stringify(theirs.get(name)) !== JSON.stringify(ours.get(name)))
    .map((name) => `${name}: ${String(theirs.get(name))} -> ${String(ours.get(name))}`)
}
const told = (pattern: RegExp, { environment }: Told): Readonly<Record<string, string>> => Object.fromEntries(Object.entries(environment).filter(([name]) => pattern.test(name)).sort())

test('F08 a client that worked with ocserv works unchanged: same command, same password, same answers', async (lab) => {
  const [certificate, second] = await Promise.all([makeCertificate(lab.folder), makeCertificate(lab.folder, { name: PARTNERS, file: 'second' })])
  const partners = join(lab.folder, 'partners')
  await must(['ocpasswd', '-c', partners, 'carol'], { input: `${PASSWORD}\n${PASSWORD}\n` })
  const ocserv = await Ocserv.start(lab, { certificate, users: { bob: PASSWORD }, dtls: true, extra: SETTINGS + virtualHost(partners, second) })
  const before = await login(lab, certificate.pin, 'bob')
  const partnerBefore = await login(lab, second.pin, 'carol', PARTNERS)
  await ocserv.stop()

  const gateway = await Gateway.prepare(lab, { certificates: [certificate] })
  const report = await gateway.must(['import', 'ocserv', join(ocserv.folder, 'ocserv.conf'), '--from-version', '1.1', '--write', gateway.folder, '--replace'])
  assert.match(report, /2 users added/)
  const check = await gateway.command(['check'])
  assert.is(check.code, 0, check.stdout + check.stderr)
  await gateway.start()
  const after = await login(lab, certificate.pin, 'bob')
  assert.equal(differing(before, after), [])
  const routes = /^(?:CISCO_(?:IPV6_)?SPLIT_|CISCO_DEF_DOMAIN|CISCO_BANNER|CISCO_SPLIT_DNS|INTERNAL_IP4_(?:DNS|NBNS|NETMASK))/
  assert.ok('CISCO_SPLIT_INC' in told(routes, before))
  assert.equal(told(routes, after), told(routes, before))

  // The same name leads to the other certificate, users, addresses and routes.
  const partnerAfter = await login(lab, second.pin, 'carol', PARTNERS)
  assert.equal(differing(partnerBefore, partnerAfter), [])
  assert.equal(told(routes, partnerAfter), told(routes, partnerBefore))
  assert.equal(['CISCO_SPLIT_INC_0_ADDR', 'INTERNAL_IP4_NETMASK', 'CISCO_BANNER'].map((name) => partnerAfter.environment[name]), ['10.99.7.0', '255.255.255.0', 'Hello partner'])

  // The hash that came along has done its work.
  assert.match(gateway.log, /the imported password is kept as argon2id now/)
  await login(lab, certificate.pin, 'bob')
  assert.not.match(gateway.log, /\$5\$|correct horse/)
})

test('F08 the sample that Debian\'s ocserv installs becomes a configuration that passes the check', async (lab) => {
  const gateway = await Gateway.prepare(lab)
  assert.ok(existsSync(SAMPLE))
  // The one thing that a fresh installation lacks.
  const file = join(gateway.folder, 'ocserv.conf')
  writeFileSync(file, readFileSync(SAMPLE, 'utf8').replaceAll('/etc/ocserv/passwd', join(gateway.folder, 'passwd')))
  writeFileSync(join(gateway.folder, 'passwd'), '')
  const report = await gateway.must(['import', 'ocserv', file, '--from-version', '1.1.6', '--write', gateway.folder, '--replace'])
  assert.match(report, / 0 refused/, report)
  const { code, stdout, stderr } = await gateway.command(['check'])
  assert.is(code, 0, stdout + stderr)
})

test.run()
