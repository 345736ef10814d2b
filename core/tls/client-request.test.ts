import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { TlsContextSpec } from '../dataplane.ts'
import { withClientRequest } from './client-request.ts'

const context = (name: string): TlsContextSpec => ({ serverNames: [name], certificates: [], requestClientCertificate: false })
const contexts = [context('vpn.example'), context('partners.example'), context('other.example')]
const group = (auth: readonly (readonly string[])[]): unknown => ({ auth })
const config = {
  gateway: { groups: ['staff'] },
  groups: new Map([['staff', group([['local']])], ['partners', group([['local'], ['certificate', 'local']])]]),
  hosts: new Map([['partners', { groups: ['staff', 'partners'] }], ['other', { groups: ['staff'] }]]),
} as unknown as GatewayConfig

test('G20 only the host whose group wants a certificate asks for one', () => {
  const wanted = { backends: ['other', 'certificate'], authorities: () => 'PEM', watch: () => undefined }
  const asked = withClientRequest(contexts, config, wanted)
  assert.equal(asked.map(({ requestClientCertificate }) => requestClientCertificate), [false, true, false])
  assert.equal(asked.map(({ clientCaPem }) => clientCaPem), [undefined, 'PEM', undefined])
})

test('nobody asks where no plugin wants certificates', () => {
  assert.is(withClientRequest(contexts, config, undefined), contexts)
})

test.run()
