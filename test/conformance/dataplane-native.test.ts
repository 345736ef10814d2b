// test: limit=180
import { createSocket } from 'node:dgram'
import { testDirectory } from '../../core/testing.ts'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from '../native/certificates.ts'
import { DtlsClient } from '../native/dtls_client.ts'
import { insideOwnNamespace } from '../native/namespace.ts'
import { TlsClient } from '../native/tls_client.ts'
import { dataPlaneContract, type ContractClient } from './dataplane.contract.ts'

insideOwnNamespace(import.meta.url)
const [first, second] = await Promise.all([certificate('vpn.example.com'), certificate('other.example.com')])
const lockDirectory = testDirectory()
// A second build of the addon for sanitizers (native/test/sanitize.sh).
const addon = process.argv[2]
const plane = createDataPlane(addon)
/** Exporters of the TLS connections: without a context, which the type does not know. */
const psks = new Map<ContractClient, Uint8Array>()

dataPlaneContract('the data plane in C++', async () => ({
  plane: () => plane,
  connect: async (_, info) => {
    const client = await TlsClient.connect(info.listeners[0]?.port ?? 0)
    psks.set(client, client.tls.exportKeyingMaterial(32, 'EXPORTER-openconnect-psk', undefined as never))
    return client
  },
  connectDtls: async (_, info, { id, key, ciphers }) => {
    const psk = key instanceof Uint8Array ? undefined : psks.get(key)
    const secret = psk ? { psk } : { master: key as Uint8Array }
    return await DtlsClient.connect({ port: info.udp[0]?.port ?? 0, id, key: secret, ciphers, limitMs: 800 })
  },
  toClient: (_, address) => {
    const socket = createSocket('udp4')
    socket.send('down', 9, address, () => socket.close())
  },
  contexts: [context([], first)],
  mismatched: [context([], { ...first, keyPem: second.keyPem })],
  lockDirectory,
}))
