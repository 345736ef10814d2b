import { tmpdir } from 'node:os'
import { FakeClient, FakeDataPlane, packet } from '../../native/fake.ts'
import { certificate, context } from '../native/certificates.ts'
import { dataPlaneContract } from './dataplane.contract.ts'

const [first, second] = await Promise.all([certificate('vpn.example.com'), certificate('other.example.com')])

dataPlaneContract('the data plane in memory', async () => ({
  plane: () => new FakeDataPlane(),
  connect: async (plane) => (plane as FakeDataPlane).connect({ halfOpen: true }),
  connectDtls: async (plane, _, { id, key, ciphers }) => {
    if (!(key instanceof FakeClient || key instanceof Uint8Array)) throw new Error('a client of another data plane')
    return (plane as FakeDataPlane).connectDtls({ id, key, ciphers })
  },
  toClient: (plane, address) => void (plane as FakeDataPlane).injectTun(packet('10.211.0.1', address, 'down')),
  contexts: [context([], first)],
  mismatched: [context([], { ...first, keyPem: second.keyPem })],
  lockDirectory: tmpdir(),
}))
