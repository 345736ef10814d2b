import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthContext, AuthStep, GatewayConfig, PolicySource } from '../../core/api.ts'
import { TestClock, testDirectory, TestLog } from '../../core/testing.ts'
import { createX509 } from '../../native/index.ts'
import { Pki, type IssueOptions } from '../../test/lab/pki.ts'
import { CertificateBackend } from './certificate-backend.ts'
import { AuthCertificateConfig } from './config.ts'
import { listsIn } from './pem-blocks.ts'
import { contextWith, der } from './testing.ts'
import { Trust } from './trust.ts'

const folder = testDirectory()
const pki = await Pki.make(join(folder, 'pki'))
const clock = new TestClock(Date.now() + 600_000)
const x509 = createX509()

interface Setting {
  readonly config?: Readonly<Record<string, unknown>>
  readonly authorities?: readonly string[]
  readonly lists?: readonly string[]
  readonly pins?: Readonly<Record<string, string>>
  readonly status?: string
  readonly sources?: readonly PolicySource[]
}
function backend({ config = {}, authorities = [pki.ca], lists = [], pins = {}, status, sources = [] }: Setting = {}): CertificateBackend {
  const trust = new Trust(x509)
  trust.use({ authorities: authorities.map((file) => readFileSync(file, 'utf8')).join(''), lists: lists.flatMap((file) => listsIn(readFileSync(file))) })
  const parsed = AuthCertificateConfig.parse(config)
  const groups = { groups: new Map([['staff', { name: 'staff', label: 'Staff people' }], ['it', { name: 'it', label: 'IT' }]]) } as unknown as GatewayConfig
  return new CertificateBackend({
    trust, clock, groups, log: new TestLog(), config: () => parsed, sources: () => sources,
    pins: { userOf: (fingerprint) => pins[fingerprint], fingerprints: (user) => Object.keys(pins).filter((one) => pins[one] === user) },
    status: { problem: () => Promise.resolve(status) },
  })
}
async function judged(files: readonly string[], setting?: Setting, over?: Partial<AuthContext>): Promise<string> {
  return textOf(await backend(setting).begin(contextWith(der(...files), over)))
}
const textOf = (step: AuthStep): string =>
  step.kind === 'identity' ? `${step.identity.user} [${step.identity.groups.join(' ')}]` : step.kind === 'refused' ? `${step.reason}: ${step.detail ?? ''}` : step.kind

const one = async (name: string, options: IssueOptions = {}): Promise<string> => (await pki.issue(name, options)).certificate
const alice = await one('alice')

test('G20 a certificate of the authority is its user; without one the client is asked, and refused when it has none', async () => {
  assert.is(await judged([alice]), 'alice []')
  assert.is(await judged([]), 'certificate-wanted')
  assert.is(await judged([], {}, { certificateMissing: true }), 'certificate-refused: the client has no certificate')
  assert.is(await judged([alice], {}, { decoy: true }), 'certificate-refused: ')
})

test('G20 expired, not yet valid, another purpose, weak keys, weak signatures, unknown extensions: each is refused and named', async () => {
  const cases: readonly (readonly [IssueOptions, RegExp])[] = [
    [{ from: '20200101000000Z', to: '20210101000000Z' }, /has expired on 2021-01-01 \(CN=bad0\)/],
    [{ from: '20400101000000Z', to: '20410101000000Z' }, /not valid yet, but on 2040-01-01/],
    [{ extensions: ['extendedKeyUsage = serverAuth'] }, /another purpose/],
    [{ extensions: ['keyUsage = critical,keyEncipherment', 'extendedKeyUsage = clientAuth'] }, /another purpose/],
    [{ extensions: ['keyUsage = critical,keyEncipherment', 'extendedKeyUsage = anyExtendedKeyUsage'] }, /another purpose/],
    [{ key: 'rsa:1024' }, /key of the certificate is too short/],
    [{ key: 'ec:secp224r1' }, /key of the certificate is too short/],
    [{ digest: 'sha1' }, /MD5 or SHA-1/],
    [{ extensions: ['1.2.3.4.5 = critical,ASN1:UTF8String:what is it'] }, /critical extension that is not known/],
  ]
  for (const [index, [options, expected]] of cases.entries()) assert.match(await judged([await one(`bad${index}`, options)]), expected)
})

test('G20 a certificate whose authority signs with MD5 is refused and named', async () => {
  const old = await Pki.make(join(folder, 'old'), 'Old CA', 'rsa:2048')
  const { certificate } = await old.issue('md5', { digest: 'md5' })
  assert.is(await judged([certificate], { authorities: [old.ca] }), 'certificate-refused: the certificate is signed with MD5 or SHA-1 (CN=md5)')
  assert.is(await judged([(await old.issue('sha2')).certificate], { authorities: [old.ca] }), 'sha2 []')
})

test('G20 usages that name clients among others, any, or none are taken', async () => {
  const extensions = [['extendedKeyUsage = serverAuth,clientAuth'], ['keyUsage = digitalSignature', 'extendedKeyUsage = anyExtendedKeyUsage'], ['basicConstraints = CA:FALSE']]
  for (const [index, lines] of extensions.entries()) assert.is(await judged([await one(`good${index}`, { extensions: lines })]), `good${index} []`)
})

test('G20 the way to the authority: over what the client sends, what the file has, never around them', async () => {
  const { certificate: between } = await pki.authority('between')
  const below = await one('below', { by: 'between' })
  assert.is(await judged([below, between]), 'below []')
  assert.is(await judged([below], { authorities: [pki.ca, between] }), 'below []')
  assert.is(await judged([below], { authorities: [between] }), 'below []', 'an authority in the middle is trusted by itself')
  assert.match(await judged([below]), /authority is not known/)
  const stranger = await Pki.make(join(folder, 'stranger'))
  assert.match(await judged([(await stranger.issue('alice')).certificate, stranger.ca]), /not signed by the authority that it names|authority is not known/)
  assert.match(await judged([(await stranger.issue('mallory')).certificate]), /not signed by the authority that it names/)
})

test('G20 who is no authority issues nothing; path length and name constraints are kept', async () => {
  await pki.authority('noca', { extensions: ['basicConstraints = critical,CA:FALSE'] })
  assert.match(await judged([await one('byleaf', { by: 'noca' }), pki.path('noca.crt')]), /certificate-refused/)
  await pki.authority('short', { extensions: ['basicConstraints = critical,CA:TRUE,pathlen:0', 'keyUsage = critical,keyCertSign'] })
  const deep = await pki.authority('deep', { by: 'short' })
  assert.match(await judged([await one('bottom', { by: 'deep' }), deep.certificate, pki.path('short.crt')]), /path length/)
  const limits = await pki.authority('limited', { extensions: ['basicConstraints = critical,CA:TRUE', 'keyUsage = critical,keyCertSign', 'nameConstraints = critical,permitted;email:corp.example'] })
  assert.is(await judged([await one('inside', { by: 'limited', extensions: ['subjectAltName = email:inside@corp.example'] }), limits.certificate]), 'inside []')
  assert.match(await judged([await one('outside', { by: 'limited', extensions: ['subjectAltName = email:outside@evil.example'] }), limits.certificate]), /may not issue for these names/)
})

test('G20 the user stands in subject or alternative name, and must be a user name', async () => {
  const utf8 = '1.3.6.1.4.1.311.20.2.3;UTF8'
  const certificate = await one('carol', { subject: '/O=Example/OU=it/CN=Users/CN=carol', extensions: [`subjectAltName = email:carol@corp.example,otherName:${utf8}:carol@ad.example,URI:urn:user:carol`] })
  const from = (source: string): Promise<string> => judged([certificate], { config: { 'user-from': source } })
  assert.is(await from('subject:CN'), 'carol []', 'the narrowest')
  assert.is(await from('san:email'), 'carol@corp.example []')
  assert.is(await from('san:upn'), 'carol@ad.example []')
  assert.match(await from('subject:UID'), /has no subject:UID/)
  assert.match(await from('san:dns'), /has no san:dns/)
  assert.match(await from('san:uri'), /san:uri is no user name/)
  const uid = await one('uid', { subject: '/UID=dave/CN=Dave Example' })
  assert.is(await judged([uid], { config: { 'user-from': 'subject:UID' } }), 'dave []')
  for (const [index, name] of ['two words', 'a;drop', '..'].entries()) assert.match(await judged([await one(`name${index}`, { subject: `/CN=${name}` })]), /is no user name/)
})

test('G20 groups come from the certificate, and none is no default', async () => {
  const config = { 'group-from': 'subject:OU' }
  assert.is(await judged([await one('erin', { subject: '/OU=nobody/OU=IT/CN=erin' })], { config }), 'erin [it]')
  assert.is(await judged([await one('frank', { subject: '/OU=staff people/OU=it/CN=frank' })], { config }), 'frank [staff it]')
  assert.match(await judged([await one('grace', { subject: '/OU=other/CN=grace' })], { config }), /^not-in-group: .*names no group/)
  const sources = [{ layer: () => undefined, groups: (user: string) => (user === 'alice' ? ['it'] : undefined) }]
  assert.is(await judged([alice], { sources }), 'alice [it]', 'of the local user of that name')
})

test('G20 a revoked certificate is refused; a stale list, or none, by the policy', async () => {
  const revoked = await one('henry')
  await pki.revoke('henry')
  const list = await pki.list()
  assert.match(await judged([revoked], { lists: [list] }), /is revoked/)
  assert.is(await judged([alice], { lists: [list], config: { crl: list } }), 'alice []')
  clock.advance(2 * 86_400_000)
  assert.match(await judged([alice], { lists: [list], config: { crl: list } }), /revocation list of its authority is stale/)
  const accept = { crl: list, 'crl-stale': 'accept' }
  assert.is(await judged([alice], { lists: [list], config: accept }), 'alice []')
  assert.match(await judged([revoked], { lists: [list], config: accept }), /is revoked/, 'a stale list still revokes')
  clock.advance(-2 * 86_400_000)
  assert.match(await judged([alice], { config: { crl: list } }), /no revocation list of its authority/)
  const stranger = await Pki.make(join(folder, 'forger'))
  assert.match(await judged([alice], { lists: [await stranger.list()], config: { crl: list } }), /certificate-refused/, 'a list that another key has signed')
})

test('G20 a pinned certificate is its user without an authority, and then no other one is', async () => {
  const stranger = await Pki.make(join(folder, 'device'), 'Device')
  const { certificate } = await stranger.issue('device', { subject: '/CN=whatever' })
  const fingerprint = createHash('sha256').update(der(certificate)[0] as Uint8Array).digest('hex')
  const pins = { [fingerprint]: 'alice' }
  assert.is(await judged([certificate], { pins }), 'alice []')
  assert.match(await judged([alice], { pins }), /not one of those pinned/)
  const old = await stranger.issue('olddevice', { from: '20200101000000Z', to: '20210101000000Z' })
  const oldPin = createHash('sha256').update(der(old.certificate)[0] as Uint8Array).digest('hex')
  assert.match(await judged([old.certificate], { pins: { [oldPin]: 'alice' } }), /has expired/)
})

test('G20 the certificate and the step before it must name one user', async () => {
  const identity = { user: 'bob', groups: [], source: 'local' }
  assert.is(await judged([alice], {}, { identity }), 'wrong-credentials: the certificate is of alice, the login of bob')
  assert.is(await judged([alice], {}, { identity: { ...identity, user: 'Alice' } }), 'alice []')
})

test('what the responder says of a good chain counts', async () => {
  assert.is(await judged([alice], { status: 'revoked since then' }), 'certificate-refused: revoked since then')
})

test('chains that are too long, too large or broken are refused before they are read', async () => {
  const [leaf = new Uint8Array()] = der(alice)
  const step = async (chain: readonly Uint8Array[]): Promise<string> => textOf(await backend().begin(contextWith(chain)))
  assert.match(await step(Array.from({ length: 11 }, () => leaf)), /11 certificates; at most 10/)
  assert.match(await step([new Uint8Array(16 * 1024 + 1)]), /a certificate of 16385 bytes/)
  assert.match(await step(Array.from({ length: 5 }, () => new Uint8Array(16 * 1024))), /certificates of 81920 bytes/)
  assert.match(await step([new Uint8Array(0)]), /cannot be read/)
  assert.match(await step([leaf.subarray(0, 100)]), /cannot be read/)
  assert.match(await step([leaf, new Uint8Array([0x30, 0x80, 0, 0])]), /cannot be read/)
  assert.match(await step([new Uint8Array([...leaf, 0])]), /cannot be read/)
})

test('without any authority nobody is let in', async () => {
  assert.match(await judged([alice], { authorities: [] }), /^unavailable: |authority is not known/)
})

test.run()
