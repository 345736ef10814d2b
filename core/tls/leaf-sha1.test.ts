import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TlsContextSpec } from '../dataplane.ts'
import { chainsFor, leafSha1 } from './leaf-sha1.ts'
import { makeSelfSigned } from './self-signed.ts'

test('the hash is over the DER of the leaf that the server name meets', async () => {
  const context = async (name: string, serverNames: readonly string[]): Promise<TlsContextSpec> => {
    const { certificatePem, keyPem } = await makeSelfSigned({ name, now: Date.UTC(2026, 10, 21) })
    return { serverNames, certificates: [{ chainPem: certificatePem, keyPem }], requestClientCertificate: false }
  }
  const contexts = [await context('default.example', []), await context('vpn.example.com', ['vpn.example.com']), await context('wild.example', ['*.wild.example']), await context('one.wild.example', ['one.wild.example'])]
  const expected = contexts.map(({ certificates }) => createHash('sha1').update(new X509Certificate(certificates[0]?.chainPem ?? '').raw).digest('hex').toUpperCase())
  assert.is(leafSha1(contexts, undefined), expected[0])
  assert.is(leafSha1(contexts, 'other.example'), expected[0])
  assert.is(leafSha1(contexts, 'VPN.example.com'), expected[1])
  assert.is(leafSha1(contexts, 'a.wild.example'), expected[2])
  assert.is(leafSha1(contexts, 'a.b.wild.example'), expected[0])
  assert.is(leafSha1(contexts, 'one.wild.example'), expected[3], 'an exact name before a wider one')
  assert.is(leafSha1([], undefined), undefined)
  assert.equal(chainsFor(contexts, 'vpn.example.com'), contexts[1]?.certificates.map(({ chainPem }) => chainPem))
  assert.equal(chainsFor([], undefined), [])
})

test.run()
