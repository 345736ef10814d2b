// test: limit=180
// The scripted clients against the real gateway, over TLS, from a namespace of their own.
import * as assert from 'uvu/assert'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY } from '../lab/lab.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'
import { CiscoClient } from './cisco-client.ts'
import { CISCO_CLIENTS, WINDOWS } from './clients.ts'
import { DtlsRelay } from './dtls-relay.ts'
import { CISCO_TLS, tlsWire, type Dial } from './wire.ts'

const test = labTests({ peers: [] })
const PASSWORD = 'correct horse 9'

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`cisco-script G01 G03 G08 G12 G13 D07 every client lives its life over ${maxVersion}`, async (lab) => {
    const gateway = await Gateway.start(lab, {
      users: { alice: PASSWORD, bob: { password: PASSWORD, groups: ['codes'] } },
      config: { policy: { dns: ['10.66.0.1', 'fd66::1'], 'split-include': ['10.66.0.0/16', 'fd66::/64'], 'local-lan': true, banner: 'Be kind' }, group: { everybody: { label: 'Everybody' }, staff: { label: 'Staff' }, codes: { auth: [['local', 'totp']], listed: false } } },
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
    if (maxVersion === 'TLSv1.3') await changesPassword(gateway, async () => tlsWire(await relay.tls({ ...CISCO_TLS, maxVersion })))
    await gateway.stop()
  })
}

/** A code behind the password, and a new password behind the code, as two forms. */
async function changesPassword(gateway: Gateway, dial: Dial): Promise<void> {
  const { recoveryCodes } = JSON.parse(await gateway.must(['user', 'totp', 'bob', '--show-recovery', '--json'])) as { readonly recoveryCodes: readonly string[] }
  await gateway.must(['user', 'passwd', 'bob', '--must-change', '--password-stdin'], `${PASSWORD}\n`)
  const script = (password: string, code: string | undefined, ...fresh: readonly string[]): CiscoClient =>
    new CiscoClient({ dial, host: GATEWAY.ipv4, kind: WINDOWS, user: 'bob', password, group: 'codes', answers: [code ?? '', ...fresh] })
  const client = script(PASSWORD, recoveryCodes[0], 'a <new> horse & 9', 'a <new> horse & 9')
  await client.login()
  client.close()
  assert.equal(client.forms.map(({ id, inputs: [input] }) => `${id} ${input?.name}`), ['challenge password', 'passwd new_password', 'passwd new_password'])
  const again = script('a <new> horse & 9', recoveryCodes[1])
  await again.login()
  again.close()
  const sessions = await gateway.sessions()
  assert.equal(sessions.map(({ user, group }) => `${user} ${group}`), ['bob codes', 'bob codes'])
}

test.run()
