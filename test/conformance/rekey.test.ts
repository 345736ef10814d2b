// test: limit=240 alone
// Keys change under a ping every millisecond; each test prints what the ping saw.
import * as assert from 'uvu/assert'
import { sleep, until } from '../lab/command.ts'
import { SteadyPing } from '../lab/gap.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { opensslOpenConnect } from '../lab/openssl-openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'
const UP = /(?:Established DTLS connection|DTLS connected)/
const REKEY_SEC = 5

const openssl = opensslOpenConnect()
const BUILDS = [{ name: 'GnuTLS', program: undefined }, ...(openssl === undefined ? [] : [{ name: 'OpenSSL', program: openssl }])]

for (const { name, program } of BUILDS) {
  for (const method of ['new-tunnel', 'ssl'] as const) {
    test(`D11 ${name}: rekey by ${method} every ${REKEY_SEC} s, one session, one login, and a ping every millisecond`, async (lab) => {
      const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { policy: { 'rekey-time': `${REKEY_SEC}s`, 'rekey-method': method, dpd: '2s' } } })
      const client = await OpenConnect.connect(lab.client, lab.folder, { program, pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
      await client.said(UP)
      const pings = await SteadyPing.start(lab.client, LAN.ipv4, 1)
      const before = await gateway.session()
      await sleep(2.6 * REKEY_SEC * 1000)
      const gap = await pings.stop(`${name} ${method}`)
      const after = await gateway.session()
      assert.equal([after.id, after.ipv4, after.ipv6, after.createdAt], [before.id, before.ipv4, before.ipv6, before.createdAt])
      const { counters: stats } = (await gateway.status()) as unknown as { readonly counters: Readonly<Record<string, number>> }
      if (method === 'ssl') {
        assert.is(after.connectedAt, before.connectedAt, 'the same tunnel')
        assert.ok((stats.keyUpdatesSent ?? 0) >= 2, `${stats.keyUpdatesSent} key updates`)
        assert.ok((stats.dtlsRekeys ?? 0) >= 1)
        await until('DTLS under new keys', async () => (await gateway.session()).state === 'dtls', 20_000)
        assert.is(gap.lost, 0)
      } else {
        assert.is.not(after.connectedAt, before.connectedAt, 'another tunnel')
      }
      assert.ok(gap.sent > 5000, `${gap.sent} pings`)
      assert.ok(gap.lost <= gap.sent / 1000, `${gap.lost} of ${gap.sent} lost`)
    })
  }
}

test.run()
