import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { testDirectory } from '../core/testing.ts'
import type { ConnectionInfo, TlsContextSpec } from '../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../core/dataplane.ts'
import { certificate, context } from '../test/native/certificates.ts'
import { insideOwnNamespace } from '../test/native/namespace.ts'
import { Recorder, until } from '../test/native/recorder.ts'
import { TlsClient } from '../test/native/tls_client.ts'
import { createDataPlane } from './index.ts'

insideOwnNamespace(import.meta.url)

const [byDefault, rsa, exact, wild, client, authority] = await Promise.all([
  certificate('default.example.com'), certificate('default.example.com', 'rsa'), certificate('vpn.example.com'), certificate('wild.example.org'),
  certificate('client'), certificate('authority'),
])
const contexts: readonly TlsContextSpec[] = [context([], byDefault, rsa), context(['vpn.example.com'], exact), context(['*.example.org'], wild)]
const lockDirectory = testDirectory()
const plane = createDataPlane()
const seen = new Recorder()
const { listeners } = plane.open({
  listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptt%d', addresses: ['10.214.0.1/24'], routes: [], mtu: 1400, workers: 1, lockDirectory, limits: DEFAULT_LIMITS,
}, contexts, seen)
const port = listeners[0]?.port ?? 0
test.after(() => plane.stop())

interface Shaken {
  readonly client: TlsClient
  readonly info: ConnectionInfo
  readonly subject: string
}
async function open(options: ConnectionOptions = {}): Promise<Shaken> {
  const before = seen.connections.size
  const made = await TlsClient.connect(port, options)
  await until(() => seen.connections.size > before, 'the connection event')
  return { client: made, info: seen.last().info, subject: made.tls.getPeerX509Certificate()?.subject ?? '' }
}
async function shake(options: ConnectionOptions = {}): Promise<Shaken> {
  const made = await open(options)
  made.client.destroy()
  return made
}
const refused = async (options: ConnectionOptions): Promise<boolean> => {
  try {
    (await TlsClient.connect(port, options)).destroy()
    return false
  } catch {
    return true
  }
}

test('G01 TLS 1.3 and 1.2 are spoken, older versions are not', async () => {
  assert.is((await shake()).info.tlsVersion, 'TLSv1.3')
  assert.is((await shake({ maxVersion: 'TLSv1.2' })).info.tlsVersion, 'TLSv1.2')
  assert.ok(await refused({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' }))
})

test('G01 only AEAD suites with ECDHE in TLS 1.2, in the order of the server', async () => {
  for (const ciphers of ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305']) {
    assert.is((await shake({ maxVersion: 'TLSv1.2', ciphers })).info.cipher, ciphers)
  }
  for (const ciphers of ['ECDHE-RSA-AES256-SHA384', 'AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-SHA', 'DHE-RSA-AES256-GCM-SHA384']) {
    assert.ok(await refused({ maxVersion: 'TLSv1.2', ciphers }), ciphers)
  }
  const both = 'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384'
  assert.is((await shake({ maxVersion: 'TLSv1.2', ciphers: both })).info.cipher, 'ECDHE-ECDSA-AES256-GCM-SHA384')
})

test('G01 an RSA and an ECDSA certificate answer side by side', async () => {
  const kind = async (ciphers: string): Promise<string | undefined> => {
    const made = await TlsClient.connect(port, { maxVersion: 'TLSv1.2', ciphers })
    const type = made.tls.getPeerX509Certificate()?.publicKey.asymmetricKeyType
    made.destroy()
    return type
  }
  assert.is(await kind('ECDHE-RSA-AES256-GCM-SHA384'), 'rsa')
  assert.is(await kind('ECDHE-ECDSA-AES256-GCM-SHA384'), 'ec')
})

test('G01 the server name chooses the context: exact, one label of a wildcard, else the first', async () => {
  const subject = async (servername?: string): Promise<string> => (await shake(servername === undefined ? {} : { servername })).subject
  assert.is(await subject('vpn.example.com'), 'CN=vpn.example.com')
  assert.is(await subject('VPN.Example.COM'), 'CN=vpn.example.com')
  assert.is(await subject('a.example.org'), 'CN=wild.example.org')
  assert.is(await subject('a.b.example.org'), 'CN=default.example.com')
  assert.is(await subject('example.org'), 'CN=default.example.com')
  assert.is(await subject('unknown.example.net'), 'CN=default.example.com')
  assert.is(await subject(), 'CN=default.example.com')
  assert.is((await shake({ servername: 'vpn.example.com' })).info.serverName, 'vpn.example.com')
  assert.is((await shake({ servername: 'VPN.Example.COM' })).info.serverName, 'vpn.example.com')
  assert.is((await shake()).info.serverName, undefined)
  assert.is((await shake({ servername: 'a b<script>' })).info.serverName, undefined)
})

test('any ALPN offer is tolerated; http/1.1 is taken when it is there', async () => {
  const chosen = async (ALPNProtocols: string[]): Promise<unknown> => {
    const made = await TlsClient.connect(port, { ALPNProtocols })
    const { alpnProtocol } = made.tls
    made.destroy()
    return alpnProtocol
  }
  assert.is(await chosen(['h2', 'http/1.1']), 'http/1.1')
  assert.is(await chosen(['h2']), false)
})

test('no ticket and no session is given', async () => {
  let sessions = 0
  const { client: made, info } = await open()
  made.tls.on('session', () => sessions++)
  plane.write(info.handle, Buffer.from('x'), false)
  await until(() => made.received().length === 1, 'the byte')
  assert.is(sessions, 0)
  made.destroy()
  const old = await TlsClient.connect(port, { maxVersion: 'TLSv1.2' })
  const session = old.tls.getSession()
  assert.is(old.tls.getTLSTicket(), undefined)
  old.destroy()
  const resumed = await TlsClient.connect(port, { maxVersion: 'TLSv1.2', ...(session === undefined ? {} : { session }) })
  assert.not.ok(resumed.tls.isSessionReused())
  resumed.destroy()
})

test('no renegotiation', async () => {
  const made = await TlsClient.connect(port, { maxVersion: 'TLSv1.2' })
  const outcome = await new Promise<string>((done) => {
    made.tls.on('error', () => done('refused'))
    made.tls.renegotiate({ rejectUnauthorized: false }, (error) => done(error === null ? 'renegotiated' : 'refused'))
  })
  assert.is(outcome, 'refused')
  made.destroy()
})

test('a client certificate is asked for only where the context wants it, and never fails the handshake', async () => {
  const mine = { cert: client.chainPem, key: client.keyPem }
  assert.equal((await shake(mine)).info.peerCertificates, [])
  plane.configureTls([context([], byDefault), { ...context(['vpn.example.com'], exact), requestClientCertificate: true, clientCaPem: `${authority.chainPem}\n${client.chainPem}` }])
  try {
    const asked = { servername: 'vpn.example.com' }
    const without = (await shake(asked)).info
    assert.equal([without.peerCertificates.length, without.verifyResult], [0, 0])
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const known = (await shake({ ...asked, ...mine, maxVersion })).info
      assert.is(known.verifyResult, 0)
      assert.is(new X509Certificate(known.peerCertificates[0] ?? Buffer.alloc(0)).subject, 'CN=client')
      const stranger = (await shake({ ...asked, maxVersion, cert: wild.chainPem, key: wild.keyPem })).info
      assert.is.not(stranger.verifyResult, 0)
      assert.is(stranger.peerCertificates.length, 1)
    }
    assert.equal((await shake(mine)).info.peerCertificates, [], 'the default context did not ask')
  } finally {
    plane.configureTls(contexts)
  }
})

test('contexts are replaced live: open connections stay, new ones get the new certificate', async () => {
  const { client: before, info } = await open()
  plane.configureTls([context([], exact)])
  assert.is((await shake()).subject, 'CN=vpn.example.com')
  plane.write(info.handle, Buffer.from('still here'), false)
  await until(() => before.received().toString() === 'still here', 'the old connection')
  before.destroy()
  plane.configureTls(contexts)
  assert.is((await shake()).subject, 'CN=default.example.com')
})

test('a key under a password is refused, not asked for', () => {
  const keyPem = createPrivateKey(byDefault.keyPem).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }).toString()
  try {
    plane.configureTls([context([], { ...byDefault, keyPem })])
    assert.unreachable('an encrypted key was taken')
  } catch (error) {
    assert.match(String(error), /encrypted keys are not supported/)
  }
})

test.run()
