import { createHash, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthContext, AuthStep, GatewayConfig, SecondCertificate } from '../../core/api.ts'
import { TestClock, testDirectory, TestLog } from '../../core/testing.ts'
import { createX509 } from '../../native/index.ts'
import { must } from '../../test/lab/command.ts'
import { Pki, type Issued } from '../../test/lab/pki.ts'
import { AuthCertificateConfig } from './config.ts'
import { MultipleCertificateBackend } from './multiple-certificate-backend.ts'
import { contextWith, der } from './testing.ts'
import { Trust } from './trust.ts'

const folder = testDirectory()
const machines = await Pki.make(join(folder, 'machines'))
const people = await Pki.make(join(folder, 'people'), 'People CA')
const between = await people.authority('between')
const [laptop, own, alice, below, rsa] = [
  await machines.issue('laptop-17', { subject: '/CN=alice/UID=laptop-17/OU=it' }), await machines.issue('own', { subject: '/CN=alice', key: 'ec:secp384r1' }), await people.issue('alice', { subject: '/OU=staff/CN=alice' }),
  await people.issue('below', { by: 'between', key: 'ec:secp384r1' }), await people.issue('rsa', { key: 'rsa:2048', subject: '/CN=rsa/UID=alice' }),
]
const clock = new TestClock(Date.now() + 600_000)
const x509 = createX509()
const CHALLENGE = Buffer.from('<?xml version="1.0" encoding="UTF-8"?>\n<config-auth/>\n')

const trustOf = (...files: readonly string[]): Trust => {
  const trust = new Trust(x509)
  trust.use({ authorities: files.map((file) => readFileSync(file, 'utf8')).join(''), lists: [] })
  return trust
}
interface Setting {
  readonly config?: Readonly<Record<string, unknown>>
  readonly second?: Trust
  readonly pins?: Readonly<Record<string, string>>
  readonly status?: (chain: readonly Uint8Array[]) => string | undefined
}
function backend({ config = {}, second = trustOf(people.ca), pins = {}, status = () => undefined }: Setting = {}): MultipleCertificateBackend {
  const parsed = AuthCertificateConfig.parse(config)
  const check = { problem: (chain: readonly Uint8Array[]) => Promise.resolve(status(chain)) }
  const groups = { groups: new Map([['staff', { name: 'staff', label: 'Staff' }], ['it', { name: 'it', label: 'IT' }]]) } as unknown as GatewayConfig
  return new MultipleCertificateBackend({
    first: { trust: trustOf(machines.ca), status: check }, second: () => ({ trust: second, status: check }), clock, groups, log: new TestLog(), config: () => parsed, sources: () => [],
    pins: { userOf: (fingerprint) => pins[fingerprint], fingerprints: (user) => Object.keys(pins).filter((one) => pins[one] === user) },
  })
}
const bagOf = async (...files: readonly string[]): Promise<Buffer> =>
  Buffer.from((await must(['openssl', 'crl2pkcs7', '-nocrl', ...files.flatMap((file) => ['-certfile', file])])).replaceAll(/-----.*-----/g, ''), 'base64')
const shown = async (one: Issued, over: Partial<SecondCertificate> = {}, others: readonly string[] = []): Promise<SecondCertificate> =>
  ({ certificates: await bagOf(...others, one.certificate), hash: 'sha256', signature: sign('sha256', CHALLENGE, readFileSync(one.key)), signed: CHALLENGE, ...over })
const first = (one = laptop, over: Partial<AuthContext> = {}): AuthContext => contextWith(der(one.certificate), { capabilities: ['single-sign-on-v2', 'multiple-cert'], ...over })
const textOf = (step: AuthStep): string =>
  step.kind === 'identity' ? `${step.identity.user} [${step.identity.groups.join(' ')}]` : step.kind === 'refused' ? `${step.reason}: ${step.detail ?? ''}` : step.kind
async function judged(second: SecondCertificate | undefined, setting?: Setting, context = first()): Promise<string> {
  const step = await backend(setting).begin(context)
  return textOf(step.kind === 'second-certificate' ? await step.answer(second) : step)
}
const good = await shown(alice)
const fingerprint = (one: Issued): string => createHash('sha256').update(der(one.certificate)[0] as Uint8Array).digest('hex')

test('G20 both certificates good: their user; the second is asked for only behind a good first one, and of who can show it', async () => {
  assert.is(await judged(good), 'alice []')
  const begun = async (context: AuthContext): Promise<string> => textOf(await backend().begin(context))
  assert.is(await begun(first()), 'second-certificate')
  assert.is(await begun(contextWith([], { capabilities: ['multiple-cert'] })), 'certificate-wanted')
  assert.is(await begun(contextWith([], { capabilities: ['multiple-cert'], certificateMissing: true })), 'certificate-refused: the client has no certificate')
  assert.is(await begun(first(laptop, { certificateMissing: true })), 'certificate-refused: the client has no second certificate')
  assert.is(await begun(first(laptop, { capabilities: [] })), 'certificate-refused: the client cannot show a second certificate')
  assert.is(await begun(first(laptop, { decoy: true })), 'certificate-refused: ')
  assert.match(await begun(first(alice)), /^certificate-refused: the certificate is not signed by|^certificate-refused: the authority is not known/)
  assert.is(textOf(await backend({ status: () => 'revoked since then' }).begin(first())), 'certificate-refused: revoked since then')
})

test('G20 the second certificate is judged like the first, and its signature is over what the gateway wrote', async () => {
  const cases: readonly (readonly [SecondCertificate | undefined, RegExp])[] = [
    [undefined, /^certificate-refused: second certificate: the client has shown none$/],
    [await shown(own), /second certificate: the authority is not known \(CN=alice\)/],
    [await shown(await people.issue('late', { from: '20200101000000Z', to: '20210101000000Z' })), /second certificate: the certificate has expired on 2021-01-01/],
    [await shown(await people.issue('server', { extensions: ['extendedKeyUsage = serverAuth'] })), /second certificate: the certificate is for another purpose/],
    [await shown(await people.issue('sha1', { digest: 'sha1' })), /second certificate: the certificate is signed with MD5 or SHA-1/],
    [await shown(below), /second certificate: the authority is not known/],
    [{ ...good, signed: Buffer.concat([CHALLENGE, Buffer.from(' ')]) }, /the signature is not that of its key/],
    [{ ...good, signature: good.signature.subarray(1) }, /the signature is not that of its key/],
    [{ ...good, signature: new Uint8Array(0) }, /the signature is not that of its key/],
    [{ ...good, hash: 'sha512' }, /the signature is not that of its key/],
    [{ ...good, hash: 'md5' }, /its signature is over "md5", which was not offered/],
    [{ ...good, certificates: await bagOf(rsa.certificate) }, /the signature is not that of its key/],
    [{ ...good, certificates: good.certificates.subarray(1) }, /its PKCS #7 cannot be read/],
  ]
  for (const [second, expected] of cases) assert.match(await judged(second), expected)
  const calls: number[] = []
  assert.is(await judged(good, { status: (chain) => (calls.push(chain.length) > 1 ? 'revoked since then' : undefined) }), 'certificate-refused: revoked since then')
})

test('G20 the leaf is the one that has signed, whatever its place; certificates between are used; RSA keys sign too', async () => {
  assert.is(await judged(await shown(below, {}, [between.certificate])), 'certificate-refused: the first certificate is of alice, the second of below')
  assert.is(await judged(await shown(below, {}, [between.certificate]), { config: { 'user-of': 'second' } }), 'below []')
  assert.is(await judged(await shown(rsa), { config: { 'second-user-from': 'subject:UID' } }), 'alice []')
  for (const hash of ['sha384', 'sha512']) assert.is(await judged(await shown(alice, { hash, signature: sign(hash, CHALLENGE, readFileSync(alice.key)) })), 'alice []')
})

test('G20 who the user is: both must agree, or the one that counts; groups come from the one that counts', async () => {
  const by = (config: Readonly<Record<string, unknown>>): Promise<string> => judged(good, { config: { 'user-from': 'subject:UID', 'second-user-from': 'subject:CN', ...config } })
  assert.is(await by({}), 'certificate-refused: the first certificate is of laptop-17, the second of alice')
  assert.is(await by({ 'user-of': 'second', 'group-from': 'subject:OU' }), 'alice [staff]')
  assert.is(await by({ 'user-of': 'first', 'group-from': 'subject:OU' }), 'laptop-17 [it]')
  assert.is(await by({ 'second-user-from': 'subject:UID', 'user-of': 'second' }), 'certificate-refused: second certificate: the certificate has no subject:UID')
  const identity = { user: 'bob', groups: [], source: 'certificate' }
  assert.is(await judged(good, {}, first(laptop, { identity })), 'wrong-credentials: the certificates are of alice, the login of bob')
})

test('G20 one certificate twice is one certificate', async () => {
  const one = trustOf(machines.ca)
  assert.is(await judged(await shown(own), { second: one }), 'alice []')
  assert.is(await judged(await shown(laptop), { second: one }), 'certificate-refused: both certificates have one key')
})

test('G20 a pin binds one of the two to its user', async () => {
  assert.is(await judged(good, { pins: { [fingerprint(laptop)]: 'alice' } }), 'alice []')
  assert.is(await judged(good, { pins: { [fingerprint(laptop)]: 'bob' }, config: { 'user-of': 'second' } }), 'certificate-refused: the certificate is pinned for another user')
  assert.is(await judged(good, { pins: { [fingerprint(rsa)]: 'alice' } }), 'certificate-refused: the certificate is not one of those pinned for the user')
})

test.run()
