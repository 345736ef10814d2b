import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CONFIG, SESSIONS, TLS_FACTS } from '../../core/api.ts'
import { PluginHost } from '../../core/host.ts'
import { TestLog, testDirectory } from '../../core/testing.ts'
import { group, INIT, login, PasswordBackend, portFixture, replyTo, requestText } from '../anyconnect/testing.ts'
import { REFUSAL_TEXTS } from './admission-rule.ts'
import plugin from './index.ts'
import { pinOf } from './pin.ts'
import { loadProfiles, testdata } from './testing.ts'

const AUTHORITY = readFileSync(testdata('authority.pem'), 'utf8')
const GROUPS = '[gateway]\nname = "vpn.example.com"\n[group.staff]\n[group.guests]\n'
const MANIFEST = /<vpn-profile-manifest><vpn rev="1.0">(?:<file type="profile" service-type="user"><uri>([^<]+)<\/uri><hash type="sha1">([0-9A-F]{40})<\/hash><\/file>)?<\/vpn>/

/** The VPN port in memory with the plugin as the host starts it. */
async function started(toml: string, chain = AUTHORITY) {
  const { core, config } = loadProfiles(GROUPS + toml)
  const fixture = portFixture({ groups: [group('staff'), group('guests')], backends: [new PasswordBackend('local', 'test', 'test123', ['staff', 'guests'])] })
  const log = new TestLog()
  const host = new PluginHost({ log, slots: fixture.slots, dataDirectory: testDirectory(), mode: 'serve' })
  host.publish(CONFIG, core)
  host.publish(SESSIONS, fixture.sessions)
  host.publish(TLS_FACTS, { leafSha1: () => undefined, chains: () => [chain] })
  await host.start([{ plugin, config }])
  return {
    ...fixture, log, host,
    apply: (next: string) => (host as unknown as { runs: { applyConfig(config: unknown): void }[] }).runs[0]?.applyConfig(loadProfiles(GROUPS + next).config),
    async end(): Promise<void> {
      await host.stop()
      fixture.stop()
    },
  }
}
type Started = Awaited<ReturnType<typeof started>>

interface Attempt {
  readonly headers?: Readonly<Record<string, string>>
  readonly access?: string
}
/** A whole login of group staff or guests; the last document. */
async function attempt(fixture: Started, chosen: string, { headers = {}, access = 'https://vpn.example.com' }: Attempt = {}) {
  const client = fixture.connect()
  const init = INIT.replace('https://vpn.example.com', access).replace('<group-access>', `<group-select>${chosen}</group-select><group-access>`)
  const form = await client.post('/', init, headers)
  const done = await client.post('/', replyTo(form.body, { username: 'test', password: 'test123' }, `<group-select>${chosen}</group-select>`).replace('</config-auth>', `<group-access>${access}</group-access></config-auth>`), headers)
  return { client, done, refused: /<error id="88" param1="([^"]*)"/.exec(done.body)?.[1]?.replaceAll('&#x27;', "'"), manifest: MANIFEST.exec(done.body) }
}
const file = async (client: Awaited<ReturnType<typeof attempt>>['client'], path: string) => client.request('GET', path)

test('G19 each group gets the profile that names it, the others the one that names none; to a session its own, to strangers none', async () => {
  const fixture = await started('[always-on-policy.profile.office]\ngroups = ["staff"]\nservers = [{ name = "Office", address = "vpn.example.com" }]\n[always-on-policy.profile.rest]\nauto-connect = true\n')
  const staff = await attempt(fixture, 'staff')
  const guests = await attempt(fixture, 'guests')
  assert.is(staff.manifest?.[1], '/CACHE/stc/profiles/office.xml')
  assert.is(guests.manifest?.[1], '/CACHE/stc/profiles/rest.xml')
  const answer = await file(staff.client, '/CACHE/stc/profiles/office.xml')
  assert.is(answer?.status, 200)
  assert.is(answer?.header('Content-Type'), 'text/xml; charset=utf-8')
  assert.is(answer?.header('X-Transcend-Version'), '1')
  const { createHash } = await import('node:crypto')
  assert.is(createHash('sha1').update(answer?.body ?? '').digest('hex').toUpperCase(), staff.manifest?.[2])
  for (const path of ['/profiles/office.xml', '/CACHE/stc/profiles/office.xml:4443', '/CACHE/stc/profiles/office.xml?x']) assert.is((await file(staff.client, path))?.body, answer?.body, path)
  const strange = fixture.connect()
  const refused = await file(strange, '/CACHE/stc/profiles/office.xml')
  const unknown = await file(strange, '/CACHE/stc/profiles/nothing.xml')
  assert.equal([refused?.status, refused?.body], [404, unknown?.body], 'a stranger learns no names')
  for (const path of ['/CACHE/stc/profiles/rest.xml', '/CACHE/stc/profiles/', '/CACHE/stc/profiles/../office.xml', '/CACHE/stc/profiles/%6Fffice.xml', '/CACHE/stc/profiles/__proto__.xml']) {
    assert.is((await file(staff.client, path))?.status, 404, path)
  }
  assert.is((await fixture.connect().request('POST', '/CACHE/stc/profiles/office.xml', {}, 'a=b'))?.status, 200, 'a POST is a login, as everywhere')
  await fixture.end()
  assert.equal([fixture.slots.httpRoute.list(), fixture.slots.admission.list(), fixture.slots.clientProfile.get()], [[], [], undefined], 'when it stops nothing of it stays')
})

test('G19 a public profile is served before the login; a group without a profile has an empty manifest', async () => {
  const fixture = await started('[always-on-policy.profile.office]\ngroups = ["staff"]\npublic = true\n')
  assert.is((await file(fixture.connect(), '/profiles/office.xml'))?.status, 200)
  const head = await fixture.connect().raw(requestText('HEAD', '/profiles/office.xml'))
  assert.ok(head === undefined || head.body === '')
  const guests = await attempt(fixture, 'guests')
  assert.is(guests.manifest?.[1], undefined)
  assert.ok(guests.manifest)
  await fixture.end()
})

test('G19 a changed section is in the next login, with another hash; an unchanged one keeps its hash', async () => {
  const office = (portal: string): string => `[always-on-policy.profile.office]\nalways-on = true\ncaptive-portal = "${portal}"\ntrusted-networks = { domains = ["corp.example"] }\n`
  const fixture = await started(office('5m'))
  const before = await attempt(fixture, 'staff')
  const same = await attempt(fixture, 'guests')
  assert.is(same.manifest?.[2], before.manifest?.[2])
  fixture.apply(office('6m'))
  const after = await attempt(fixture, 'staff')
  assert.is.not(after.manifest?.[2], before.manifest?.[2])
  assert.match((await file(after.client, after.manifest?.[1] ?? ''))?.body ?? '', '<CaptivePortalRemediationTimeout>6<')
  fixture.apply('[always-on-policy]\n')
  assert.is((await attempt(fixture, 'staff')).manifest?.[1], undefined)
  assert.is((await file(after.client, '/profiles/office.xml'))?.status, 404)
  await fixture.end()
})

test('G18 refused: a name that the profile does not list, a proxy, a client that keeps no profile; each with its text and audit line', async () => {
  const fixture = await started(
    '[always-on-policy.profile.office]\ngroups = ["staff"]\nrefuse = ["other-names", "proxies", "other-clients"]\nbackup = ["vpn3.example.com"]\n' +
    'servers = [{ name = "Office", address = "vpn.example.com:4443", backup = ["192.0.2.1"] }]\n',
  )
  const host = (name: string): Attempt => ({ headers: { Host: name }, access: `https://${name}` })
  const accepted = async (tried: Attempt, chosen = 'staff'): Promise<string | undefined> => (await attempt(fixture, chosen, tried)).refused
  for (const name of ['vpn.example.com', 'VPN.example.com:4443', '192.0.2.1', 'vpn3.example.com']) assert.is(await accepted(host(name)), undefined, name)
  const foreign = host('vpn.elsewhere.example')
  assert.is(await accepted(foreign), REFUSAL_TEXTS['other-names'])
  assert.is(await accepted({ access: 'https://vpn.elsewhere.example' }), REFUSAL_TEXTS['other-names'], 'the URL that the user gave counts too')
  assert.is(await accepted(foreign, 'guests'), undefined, 'a group without a profile demands nothing')
  assert.is(await accepted({ headers: { Via: '1.1 cache' } }), REFUSAL_TEXTS.proxies)
  assert.is(await accepted({ headers: { 'X-Forwarded-For': '10.0.0.1' } }), REFUSAL_TEXTS.proxies)
  for (const agent of ['AnyConnect-compatible OpenConnect VPN Agent v9.01', 'Open AnyConnect VPN Agent v9.01', 'Mozilla/5.0']) assert.is(await accepted({ headers: { 'User-Agent': agent } }), REFUSAL_TEXTS['other-clients'], agent)
  for (const agent of ['AnyConnect Darwin_i386 4.10.05085', 'AnyConnect AppleSSLVPN_Darwin_ARM (iPhone) 5.1.11.347', 'AnyConnect Android 5.1.15.344', 'AnyConnect Linux_64 5.1.2.42']) assert.is(await accepted({ headers: { 'User-Agent': agent } }), undefined, agent)
  const details = fixture.audit.entries.filter(({ ok }) => !ok).map(({ detail }) => detail)
  assert.is(details[0], 'other-names: dialled as vpn.elsewhere.example, which profile office does not list, group staff, step always-on-policy')
  assert.ok(details.includes('proxies: the request carries via, group staff, step always-on-policy'))
  assert.ok(details.includes('other-clients: the client keeps no profile, group staff, step always-on-policy'))
  assert.is(details.length, 7)
  await fixture.end()
})

test('G18 G28 refused: who comes from a known proxy', async () => {
  const fixture = await started('[always-on-policy]\nknown-proxies = ["198.51.100.0/24", "2001:db8::/32"]\n[always-on-policy.profile.office]\nrefuse = ["proxies"]\n')
  const from = async (address: string): Promise<string | undefined> => {
    const client = fixture.connect({ peer: { address, port: 4000 } })
    const form = await client.post('/', INIT)
    const done = await client.post('/', replyTo(form.body, { username: 'test', password: 'test123' }))
    return /<error id="88" param1="([^"]*)"/.exec(done.body)?.[1]
  }
  assert.is(await from('198.51.100.7'), REFUSAL_TEXTS.proxies)
  assert.is(await from('::ffff:198.51.100.7'), REFUSAL_TEXTS.proxies)
  assert.is(await from('2001:db8::7'), REFUSAL_TEXTS.proxies)
  assert.is(await from('203.0.113.7'), undefined)
  assert.is(fixture.audit.entries.find(({ ok }) => !ok)?.detail, 'proxies: the client is behind a known proxy, group staff, step always-on-policy')
  await fixture.end()
})

test('G18 refused: the certificate that this client met has none of the pins; accepted with its own key, its issuer, its root', async () => {
  const pinned = '[always-on-policy.profile.office]\nrefuse = ["missing-pin"]\npins = ["authority.pem"]\n'
  const good = await started(pinned)
  assert.is((await attempt(good, 'staff')).refused, undefined)
  assert.equal(good.log.lines.filter(({ message }) => /pins/.test(message)), [])
  await good.end()
  const other = readFileSync(testdata('other.pem'), 'utf8')
  const bad = await started(pinned, other)
  const { refused } = await attempt(bad, 'staff')
  assert.is(refused, REFUSAL_TEXTS['missing-pin'])
  assert.ok(bad.log.has('profile office: the certificate of vpn.example.com has none of the pins in its chain: clients that have the profile are locked out'))
  await bad.end()
  assert.is.not(pinOf(new X509Certificate(other)).sha512, pinOf(new X509Certificate(AUTHORITY)).sha512)
  const issued = await started(pinned, readFileSync(testdata('issued.pem'), 'utf8'))
  assert.is((await attempt(issued, 'staff')).refused, undefined, 'issued by the pinned one, which is not in the chain')
  await issued.end()
})

test('G19 a ready-made profile is served byte by byte, and held to the servers that it lists', async () => {
  const fixture = await started('[always-on-policy.file.old]\npath = "ready.xml"\ngroups = ["staff"]\nrefuse = ["other-names"]\n')
  const { client, manifest, refused } = await attempt(fixture, 'staff', { access: 'https://vpn.example.com:4443/staff' })
  assert.is(refused, undefined)
  assert.is(manifest?.[1], '/CACHE/stc/profiles/old.xml')
  const bytes = readFileSync(testdata('ready.xml'))
  assert.ok(Buffer.from((await file(client, '/CACHE/stc/profiles/old.xml'))?.body ?? '').equals(bytes))
  assert.is((await attempt(fixture, 'staff', { access: 'https://vpn.elsewhere.example' })).refused, REFUSAL_TEXTS['other-names'])
  await fixture.end()
})

test('G19 without the plugin the login is as before', async () => {
  const fixture = portFixture()
  assert.ok(await login(fixture.connect()))
  assert.is((await fixture.connect().request('GET', '/CACHE/stc/profiles/office.xml'))?.status, 404)
  fixture.stop()
})

test.run()
