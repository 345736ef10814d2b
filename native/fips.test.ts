import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createSocket } from 'node:dgram'
import { randomBytes } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { testDirectory } from '../core/testing.ts'
import type { DtlsOffer, TunnelHandle, TunnelSpec } from '../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../core/dataplane.ts'
import { certificate, context } from '../test/native/certificates.ts'
import { insideOwnNamespace } from '../test/native/namespace.ts'
import { pause, Recorder, until } from '../test/native/recorder.ts'
import { TlsClient } from '../test/native/tls_client.ts'
import { createDataPlane } from './index.ts'

insideOwnNamespace(import.meta.url)

const contexts = [context([], await certificate('vpn.example.com'), await certificate('vpn.example.com', 'rsa'))]
const plane = createDataPlane(process.argv[2])
const seen = new Recorder()
seen.grant = (handle, seq) => plane.grant(handle, seq)
const { listeners } = plane.open({
  listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptf%d', addresses: ['10.217.0.1/24'], routes: [], mtu: 1400, workers: 1,
  lockDirectory: testDirectory(), limits: DEFAULT_LIMITS, udp: true, fips: true,
}, contexts, seen)
const port = listeners[0]?.port ?? 0
test.after(() => plane.stop())

/** The suite of a handshake; undefined when the gateway refuses it. */
async function suite(options: ConnectionOptions): Promise<string | undefined> {
  try {
    const made = await TlsClient.connect(port, options)
    const { name } = made.tls.getCipher()
    made.destroy()
    return name
  } catch {
    return undefined
  }
}

async function onlyApproved(): Promise<void> {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) assert.match(await suite({ maxVersion }) ?? 'refused', /AES_?256_?-?GCM/)
  assert.is(await suite({ ciphers: 'TLS_CHACHA20_POLY1305_SHA256', minVersion: 'TLSv1.3' }), undefined)
  assert.is(await suite({ ciphers: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256', minVersion: 'TLSv1.3' }), 'TLS_AES_128_GCM_SHA256')
  for (const ciphers of ['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305']) assert.is(await suite({ ciphers, maxVersion: 'TLSv1.2' }), undefined)
  for (const ciphers of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384']) assert.is(await suite({ ciphers, maxVersion: 'TLSv1.2' }), ciphers)
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    assert.is(await suite({ maxVersion, ecdhCurve: 'X25519' }), undefined)
    assert.ok(await suite({ maxVersion, ecdhCurve: 'P-384' }))
    assert.ok(await suite({ maxVersion, ecdhCurve: 'X25519:P-256' }))
    assert.is(await suite({ maxVersion, sigalgs: 'ecdsa_secp256r1_sha256' }) !== undefined, true)
  }
  assert.is(await suite({ maxVersion: 'TLSv1.2', sigalgs: 'RSA+SHA1:ECDSA+SHA1', ciphers: 'DEFAULT:@SECLEVEL=0' }), undefined)
}

test('G26 TLS of a gateway in FIPS mode: AES-GCM, P-256 and P-384, SHA-2', onlyApproved)

test('G26 and so after its certificates were replaced', async () => {
  plane.configureTls(contexts)
  await onlyApproved()
})

const SESSION_ID = 32
/** A first ClientHello (RFC 6347 section 4.2.2) with the session_id `id`. */
function clientHello(id: Buffer): Buffer {
  const body = Buffer.concat([
    Buffer.from([0xfe, 0xfd]), randomBytes(32), Buffer.from([SESSION_ID]), id, Buffer.from([0]),
    Buffer.from([0, 4, 0x00, 0xa8, 0xcc, 0xab]), Buffer.from([1, 0]),
  ])
  const message = Buffer.alloc(12)
  message[0] = 1
  message.writeUIntBE(body.length, 1, 3)
  message.writeUIntBE(body.length, 9, 3)
  const record = Buffer.alloc(13)
  record.writeUInt8(22, 0)
  record.writeUInt16BE(0xfeff, 1)
  record.writeUInt16BE(message.length + body.length, 11)
  return Buffer.concat([record, message, body])
}

test('G26 of an offer of DTLS a gateway in FIPS mode keeps what is approved; nothing left: it does not answer', async () => {
  const offer = (id: Buffer, ciphers: readonly string[]): DtlsOffer => ({ mode: 'psk', id, ciphers, helloVerify: true })
  const spec = (dtls: DtlsOffer): TunnelSpec => ({ ipv4: '10.217.0.2', mtu: 1300, dpdSec: 0, dpdRetries: 3, keepaliveSec: 0, dtls })
  const [first, second, third] = [randomBytes(SESSION_ID), randomBytes(SESSION_ID), randomBytes(SESSION_ID)] as const
  const mixed = ['PSK-CHACHA20-POLY1305', 'PSK-AES128-GCM-SHA256']

  const client = await TlsClient.connect(port)
  client.write('CONNECT\r\n\r\n')
  await until(() => [...seen.connections.values()].at(-1)?.lastSeq === 1, 'the request')
  const tunnel = 1 as TunnelHandle
  plane.promote({ connection: seen.last().info.handle, tunnel, spec: spec(offer(first, mixed.slice(0, 1))), head: Buffer.from('HTTP/1.1 200 CONNECTED\r\n\r\n'), early: new Uint8Array(), seen: 1 })
  await until(() => seen.up.includes(tunnel), 'the tunnel')

  const udp = createSocket('udp4')
  let answers = 0
  udp.on('message', () => answers++)
  const ask = async (id: Buffer, expected: boolean): Promise<void> => {
    answers = 0
    const hello = clientHello(id)
    // The table of offers is another thread's.
    for (const end = performance.now() + 5000; answers === 0 && performance.now() < end; await pause(20)) {
      udp.send(hello, port, '127.0.0.1')
      if (!expected && performance.now() > end - 4500) break
    }
    assert.is(answers > 0, expected, id === first ? 'first' : id === second ? 'second' : 'third')
  }
  await ask(first, false)
  plane.updateTunnel(tunnel, spec(offer(second, mixed)))
  await ask(second, true)
  plane.updateTunnel(tunnel, spec(offer(third, ['PSK-CHACHA20-POLY1305'])))
  await pause(100)
  await ask(second, false)
  await ask(third, false)
  udp.close()
  client.destroy()
})

test.run()
