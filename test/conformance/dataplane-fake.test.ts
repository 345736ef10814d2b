import { tmpdir } from 'node:os'
import { FakeDataPlane } from '../../native/fake.ts'
import { certificate, context } from '../native/certificates.ts'
import { dataPlaneContract } from './dataplane.contract.ts'

const [first, second] = await Promise.all([certificate('vpn.example.com'), certificate('other.example.com')])

dataPlaneContract('the data plane in memory', async () => ({
  plane: () => new FakeDataPlane(),
  connect: async (plane) => (plane as FakeDataPlane).connect({ halfOpen: true }),
  contexts: [context([], first)],
  mismatched: [context([], { ...first, keyPem: second.keyPem })],
  lockDirectory: tmpdir(),
}))
