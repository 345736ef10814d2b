import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkConfig } from '../config/load.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { GatewayError } from '../errors.ts'
import { loadTlsContexts } from './contexts.ts'
import { EARLIEST_NOW, makeSelfSigned } from './self-signed.ts'

const folder = mkdtempSync(join(tmpdir(), 'postern-tls-'))
chmodSync(folder, 0o755)
test.after(() => rmSync(folder, { recursive: true, force: true }))

const DAY = 86_400_000
const NOW = Date.now()
const file = (name: string): string => join(folder, name)
const write = (name: string, text: string, mode = 0o600): string => {
  writeFileSync(file(name), text, { mode })
  return file(name)
}
const openssl = (...args: string[]): string => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] }).toString()
const config = (certificate: readonly string[], key: readonly string[], name = 'vpn.example.com'): GatewayConfig =>
  checkConfig(Buffer.from(`[gateway]\nname = ${JSON.stringify(name)}\ncertificate = ${JSON.stringify(certificate)}\nkey = ${JSON.stringify(key)}\n`), file('postern.toml'), []).core
const none = (name = 'vpn.example.com'): GatewayConfig => config([], [], name)

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    assert.is(error.code, 'TLS_CERTIFICATE')
    assert.not.match(error.message, /\n/)
    return error.message.replaceAll(`${folder}/`, '')
  }
  return assert.unreachable('was not refused') as never
}
const refused = (certificate: readonly string[], key: readonly string[]): Promise<string> => refusal(loadTlsContexts(config(certificate, key), folder))

const ec = await makeSelfSigned({ name: 'vpn.example.com', now: NOW })
const other = await makeSelfSigned({ name: 'vpn.example.com', now: NOW })
write('ec.pem', ec.certificatePem)
write('ec.key', ec.keyPem)
write('other.key', other.keyPem)
openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'rsa.key', '-out', 'rsa.pem', '-days', '90', '-subj', '/CN=vpn.example.com', '-addext', 'subjectAltName=DNS:*.example.com')
openssl('req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-keyout', 'short.key', '-out', 'short.pem', '-days', '90', '-subj', '/CN=vpn.example.com')
openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', 'ed.key', '-out', 'ed.pem', '-days', '90', '-subj', '/CN=vpn.example.com')
openssl('pkey', '-in', 'ec.key', '-aes256', '-passout', 'pass:x', '-out', 'encrypted.key')
openssl('rsa', '-in', 'rsa.key', '-traditional', '-aes128', '-passout', 'pass:x', '-out', 'encrypted-traditional.key')
openssl('rsa', '-in', 'rsa.key', '-traditional', '-out', 'traditional.key')

test('G01 an RSA and an ECDSA certificate make one context, in their order', async () => {
  const { contexts, pin, certificate, certificates, findings } = await loadTlsContexts(config(['rsa.pem', 'ec.pem'], ['traditional.key', 'ec.key']), folder)
  assert.is(contexts.length, 1)
  assert.equal(contexts[0]?.serverNames, [])
  assert.equal(contexts[0]?.certificates.map(({ chainPem }) => new X509Certificate(chainPem).publicKey.asymmetricKeyType), ['rsa', 'ec'])
  assert.equal(certificates.map(({ keyType }) => keyType), ['RSA 2048', 'ECDSA P-256'])
  const spki = execFileSync('sh', ['-c', 'openssl x509 -in rsa.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64'], { cwd: folder }).toString().trim()
  assert.is(pin, `pin-sha256:${spki}`)
  assert.is(certificate.file, file('rsa.pem'))
  assert.equal(certificate.names, ['*.example.com'])
  assert.equal(findings, [])
})

test('G04 each host has a context of its names, with its certificate or the gateway\'s; a certificate for another name is a warning', async () => {
  const hosts = (gateway: string): GatewayConfig => checkConfig(Buffer.from(`[gateway]
name = "vpn.example.com"
${gateway}
[host."vpn2.example.com"]
certificate = "rsa.pem"
key = "rsa.key"
[host.branch]
names = ["branch.example.net", "*.branch.example.net"]
certificate = "ec.pem"
key = "ec.key"
[host.plain]
`), file('postern.toml'), []).core
  const { contexts, certificates, findings, pin } = await loadTlsContexts(hosts('certificate = "ec.pem"\nkey = "ec.key"'), folder)
  assert.equal(contexts.map(({ serverNames }) => serverNames), [['vpn.example.com'], ['vpn2.example.com'], ['branch.example.net', '*.branch.example.net'], ['plain']])
  assert.equal(contexts.map(({ certificates: [one] }) => new X509Certificate(one?.chainPem ?? '').publicKey.asymmetricKeyType), ['ec', 'rsa', 'ec', 'ec'])
  assert.equal(certificates.map(({ host, file }) => [host, file.slice(folder.length + 1)]), [[undefined, 'ec.pem'], ['vpn2.example.com', 'rsa.pem'], ['branch', 'ec.pem']])
  assert.is(pin, certificates[0]?.pin)
  assert.equal(findings.map(({ text }) => text.replaceAll(`${folder}/`, '')), [
    'ec.pem: is not for the name plain', 'ec.pem: is not for the name branch.example.net', 'ec.pem: is not for the name *.branch.example.net',
  ])
  // The certificate that the gateway makes is for everybody who has none.
  const made = mkdtempSync(join(folder, 'data-'))
  const own = await loadTlsContexts(hosts(''), made)
  assert.ok(own.certificate.names.includes('vpn.example.com') && own.certificate.names.includes('plain'))
  assert.equal(own.findings.length, 2)
  assert.is((await loadTlsContexts(hosts(''), made)).contexts[0]?.certificates[0]?.chainPem, own.contexts[0]?.certificates[0]?.chainPem)
})

test('a certificate and a key that do not match are refused with both names', async () => {
  assert.is(await refused(['ec.pem'], ['other.key']), `other.key: the key does not match the certificate ec.pem`)
  assert.is(await refused(['ec.pem'], ['rsa.key']), `rsa.key: the key does not match the certificate ec.pem`)
})

test('a chain in the wrong order is told apart from a wrong key', async () => {
  write('reversed.pem', readFileSync(file('rsa.pem'), 'utf8') + ec.certificatePem)
  assert.is(await refused(['reversed.pem'], ['ec.key']), `ec.key: belongs to certificate 2 of reversed.pem; the gateway's own must come first`)
})

test('missing, unreadable and odd files are one clear line each', async () => {
  assert.is(await refused(['missing.pem'], ['ec.key']), 'missing.pem: no such file')
  assert.is(await refused(['ec.pem'], ['missing.key']), 'missing.key: no such file')
  assert.is(await refused(['.'], ['ec.key']), `${folder}: is a directory`)
  assert.is(await refused([write('text.pem', 'hello\n')], ['ec.key']), 'text.pem: is not a PEM certificate')
  assert.is(await refused(['ec.key'], ['ec.key']), 'ec.key: holds a key and no certificate')
  assert.is(await refused(['ec.pem'], ['ec.pem']), 'ec.pem: holds a certificate and no key')
  assert.is(await refused(['ec.pem'], [write('text.key', '')]), 'text.key: is not a PEM key')
  assert.is(await refused(['ec.pem'], [write('damaged.key', ec.keyPem.replace(/\n.{30}/, '\n'))]), 'damaged.key: the key is damaged')
  assert.is(await refused([write('damaged.pem', ec.certificatePem.replace(/\n.{30}/, '\n'))], ['ec.key']), 'damaged.pem: certificate 1 is damaged')
  assert.is(await refused([write('second-damaged.pem', ec.certificatePem + ec.certificatePem.replace(/\n.{30}/, '\n'))], ['ec.key']), 'second-damaged.pem: certificate 2 is damaged')
  assert.match(await refused([write('huge.pem', 'x'.repeat(300_000))], ['ec.key']), /^huge\.pem: is 300000 bytes; at most 262144 are read$/)
})

test('an unreadable key is refused', async () => {
  write('secret.key', ec.keyPem, 0)
  chmodSync(file('ec.pem'), 0o644)
  const root = process.getuid?.() === 0
  if (root) process.seteuid?.(65534)
  try {
    assert.is(await refused(['ec.pem'], ['secret.key']), 'secret.key: permission denied')
  } finally {
    if (root) process.seteuid?.(0)
  }
})

test('keys that cannot serve are refused with the reason', async () => {
  assert.match(await refused(['ec.pem'], ['encrypted.key']), /^encrypted\.key: the key is encrypted/)
  assert.match(await refused(['rsa.pem'], ['encrypted-traditional.key']), /^encrypted-traditional\.key: the key is encrypted/)
  assert.is(await refused(['short.pem'], ['short.key']), 'short.key: RSA 1024 is too short; use at least 2048 bits')
  assert.is(await refused(['ed.pem'], ['ed.key']), 'ed.key: ed25519 keys are not supported; use RSA or ECDSA')
  assert.match(await refused(['ec.pem', 'ec.pem'], ['ec.key', 'ec.key']), /a second ECDSA certificate beside/)
})

test('what a client would complain about is a warning', async () => {
  const at = async (now: number): Promise<readonly string[]> => (await loadTlsContexts(config(['ec.pem'], ['ec.key']), folder, { now })).findings.map(({ severity, text }) => `${severity} ${text.replaceAll(`${folder}/`, '')}`)
  assert.equal(await at(NOW), [])
  assert.match((await at(NOW + 824 * DAY + 1000)).join(), /^warning ec\.pem: expired on /)
  assert.match((await at(NOW + 800 * DAY)).join(), /^warning ec\.pem: expires on /)
  assert.match((await at(NOW - 2 * DAY)).join(), /^warning ec\.pem: not valid before /)
  const named = await loadTlsContexts(config(['ec.pem'], ['ec.key'], 'elsewhere.example'), folder)
  assert.equal(named.findings.map(({ text }) => text), [`${file('ec.pem')}: is not for the name elsewhere.example`])
  write('chain.pem', ec.certificatePem + readFileSync(file('rsa.pem'), 'utf8'))
  write('open.key', ec.keyPem, 0o644)
  const both = await loadTlsContexts(config(['chain.pem'], ['open.key']), folder)
  assert.equal(both.findings.map(({ text }) => text.replaceAll(`${folder}/`, '')), ['chain.pem: certificate 2 did not issue certificate 1', 'open.key: the key can be read by everybody: chmod 600 it'])
})

test('the chain that goes to the data plane holds certificates only', async () => {
  write('all.pem', `comment\n${ec.keyPem}${ec.certificatePem}`)
  const { contexts } = await loadTlsContexts(config(['all.pem'], ['all.pem']), folder)
  assert.not.match(contexts[0]?.certificates[0]?.chainPem ?? '', /PRIVATE|comment/)
})

test('without a certificate a self-signed one is made once and kept', async () => {
  const data = file('data')
  const first = await loadTlsContexts(none(), data)
  const own = join(data, 'tls', 'self-signed.pem')
  assert.is(statSync(own).mode & 0o777, 0o600)
  assert.is(statSync(join(data, 'tls')).mode & 0o777, 0o700)
  assert.equal(readdirSync(join(data, 'tls')), ['self-signed.pem'])
  const before = readFileSync(own, 'utf8')
  assert.is((await loadTlsContexts(none(), data)).pin, first.pin)
  assert.is(readFileSync(own, 'utf8'), before)
  assert.is(first.certificate.keyType, 'ECDSA P-256')
  for (const name of ['vpn.example.com', 'localhost', '127.0.0.1', '::1']) assert.ok(first.certificate.names.includes(name), name)
  assert.is(Math.round((Date.parse(first.certificate.notAfter) - Date.parse(first.certificate.notBefore)) / DAY), 825)
  assert.is(openssl('verify', '-CAfile', own, '-purpose', 'sslserver', '-verify_hostname', 'vpn.example.com', own).trim(), `${own}: OK`)
})

test('it is renewed 30 days before its end, and for a new name, with the same pin', async () => {
  const data = file('renewal')
  const first = await loadTlsContexts(none(), data, { now: NOW })
  const end = Date.parse(first.certificate.notAfter)
  assert.is((await loadTlsContexts(none(), data, { now: end - 31 * DAY })).certificate.notAfter, first.certificate.notAfter)
  const renewed = await loadTlsContexts(none(), data, { now: end - 29 * DAY })
  assert.ok(Date.parse(renewed.certificate.notAfter) > end)
  assert.is(renewed.pin, first.pin)
  const named = await loadTlsContexts(none('new.example'), data, { now: NOW })
  assert.ok(named.certificate.names.includes('new.example') && !named.certificate.names.includes('vpn.example.com'))
  assert.is(named.pin, first.pin)
  assert.ok((await loadTlsContexts(none('192.0.2.77'), data)).certificate.names.includes('192.0.2.77'))
})

test('a damaged self-signed certificate is replaced with a warning', async () => {
  const data = file('broken')
  await loadTlsContexts(none(), data)
  writeFileSync(join(data, 'tls', 'self-signed.pem'), 'nonsense')
  const { findings, pin } = await loadTlsContexts(none(), data)
  assert.match(findings[0]?.text ?? '', /self-signed\.pem: is not a PEM certificate; a new self-signed certificate replaces it, with a new pin$/)
  assert.is((await loadTlsContexts(none(), data)).pin, pin)
  assert.equal((await loadTlsContexts(none(), data)).findings, [])
})

test('a check writes nothing, and a data directory that cannot be written is one line', async () => {
  const data = file('untouched')
  await loadTlsContexts(none(), data, { keep: false })
  assert.throws(() => statSync(data), /ENOENT/)
  write('a-file', '')
  assert.match(await refusal(loadTlsContexts(none(), file('a-file'))), /^a-file\/tls\/self-signed\.pem: cannot be written: a part of the path is not a folder$/)
})

test('D14 a certificate made while the clock stood at 1970 is good when the clock is set', async () => {
  const { certificatePem } = await makeSelfSigned({ name: 'vpn.example.com', now: 3_600_000 })
  const made = new X509Certificate(certificatePem)
  assert.ok(Date.parse(made.validFrom) <= EARLIEST_NOW && Date.parse(made.validTo) > EARLIEST_NOW + 700 * 86_400_000, made.validTo)
})

test.run()
