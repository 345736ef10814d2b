// test: limit=120
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect, type OpenConnectOptions } from '../lab/openconnect.ts'
import { Pki, type Issued } from '../lab/pki.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'

const options = (gateway: Gateway, path: string, client?: Issued, over: Partial<OpenConnectOptions> = {}): OpenConnectOptions => ({
  pin: gateway.pin, server: `${GATEWAY.ipv4}/${path}`, ...over, args: [...(client ? ['-c', client.certificate, '-k', client.key] : []), ...(over.args ?? [])],
})
async function refused(lab: Lab, gateway: Gateway, path: string, client?: Issued): Promise<string> {
  const one = OpenConnect.start(lab.client, lab.folder, options(gateway, path, client, { answers: ['x', 'x', 'x'] }))
  assert.is.not((await one.ended()).code, 0)
  return one.output
}
const CONFIG = {
  group: {
    open: { auth: [['local']] },
    alone: { auth: [['certificate']] },
    both: { auth: [['certificate', 'local']] },
  },
}

test('G20 openconnect logs in with a certificate alone, and reads why it may not', async (lab) => {
  const pki = await Pki.make(join(lab.folder, 'pki'))
  const alice = await pki.issue('alice')
  const gateway = await Gateway.start(lab, {
    users: { alice: { password: PASSWORD, groups: ['alone', 'both', 'open'] }, bob: { password: PASSWORD, groups: ['both'] } },
    config: { ...CONFIG, 'auth-certificate': { ca: pki.ca } },
  })
  await OpenConnect.connect(lab.client, lab.folder, options(gateway, 'alone', alice))
  const session = await gateway.session()
  assert.equal([session.user, session.group], ['alice', 'alone'])
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
  assert.match(await refused(lab, gateway, 'alone', await pki.issue('late', { from: '20200101000000Z', to: '20210101000000Z' })), /Certificate Validation Failure/)
  assert.match(gateway.log, /"reason":"certificate-refused"/)
})

test.run()
