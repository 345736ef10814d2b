// test: limit=180
// The scripted clients against the real gateway, over TLS, from a namespace of their own.
import * as assert from 'uvu/assert'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY } from '../lab/lab.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'
import { CiscoClient } from './cisco-client.ts'
import { CISCO_CLIENTS } from './clients.ts'
import { DtlsRelay } from './dtls-relay.ts'
import { CISCO_TLS, tlsWire } from './wire.ts'

const test = labTests({ peers: [] })
const PASSWORD = 'correct horse 9'

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`cisco-script G01 G03 G08 G12 G13 D07 every client lives its life over ${maxVersion}`, async (lab) => {
    const gateway = await Gateway.start(lab, {
      users: { alice: PASSWORD },
      config: { policy: { dns: ['10.66.0.1', 'fd66::1'], 'split-include': ['10.66.0.0/16', 'fd66::/64'], 'local-lan': true, banner: 'Be kind' }, group: { everybody: { label: 'Everybody' }, staff: { label: 'Staff' } } },
    })
    const relay = await Relay.start(lab, lab.client)
    const dtls = await DtlsRelay.start(lab, lab.client)
    for (const kind of CISCO_CLIENTS) {
      const client = new CiscoClient({
        dial: async () => tlsWire(await relay.tls({ ...CISCO_TLS, maxVersion })), dialDtls: dtls.dial,
        host: GATEWAY.ipv4, kind, user: 'alice', password: PASSWORD, pingTarget: '10.66.0.1',
      })
      await client.run()
      assert.equal(await gateway.sessions(), [], kind.name)
    }
    assert.is(dtls.helloVerified, 0, 'no HelloVerifyRequest for who resumes')
    assert.is(dtls.ems, 0, 'extended master secret is not answered')
    const { counters } = (await gateway.status()) as { counters: Record<string, number> }
    assert.is(counters['dtlsHandshakes'], 2 * CISCO_CLIENTS.length)
    await gateway.stop()
  })
}

test.run()
