// test: limit=180
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from '../native/certificates.ts'
import { insideOwnNamespace } from '../native/namespace.ts'
import { TlsClient } from '../native/tls_client.ts'
import { dataPlaneContract } from './dataplane.contract.ts'

insideOwnNamespace(import.meta.url)
const [first, second] = await Promise.all([certificate('vpn.example.com'), certificate('other.example.com')])
const lockDirectory = mkdtempSync(join(tmpdir(), 'postern-contract-'))
// A second build of the addon for sanitizers (native/test/sanitize.sh).
const addon = process.argv[2]
const plane = createDataPlane(addon)

dataPlaneContract('the data plane in C++', async () => ({
  plane: () => plane,
  connect: async (_, info) => await TlsClient.connect(info.listeners[0]?.port ?? 0),
  contexts: [context([], first)],
  mismatched: [context([], { ...first, keyPem: second.keyPem })],
  lockDirectory,
}))
