import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CONFIG, SESSIONS, TLS_FACTS } from '../../core/api.ts'
import { PluginHost } from '../../core/host.ts'
import { TestLog, testDirectory } from '../../core/testing.ts'
import alwaysOn from '../../plugins/always-on-policy/index.ts'
import { loadProfiles } from '../../plugins/always-on-policy/testing.ts'
import { group, PasswordBackend, portFixture } from '../../plugins/anyconnect/testing.ts'
import { CiscoClient } from './cisco-client.ts'
import { CISCO_CLIENTS } from './clients.ts'
import { fakeDial } from './wire.ts'

const SHA1 = 'AB'.repeat(20)
const TOML = `
[gateway]
name = "vpn.example.com"
[group.staff]
[group.guests]
[always-on-policy.profile.office]
groups = ["staff"]
refuse = ["other-names", "proxies", "other-clients"]
always-on = true
trusted-networks = { domains = ["corp.example"] }
`

async function gateway() {
  const { core, config } = loadProfiles(TOML)
  const fixture = portFixture({ certificateSha1: SHA1, groups: [group('staff'), group('guests')], backends: [new PasswordBackend('local', 'test', 'test123', ['staff', 'guests'])] })
  const host = new PluginHost({ log: new TestLog(), slots: fixture.slots, dataDirectory: testDirectory(), mode: 'serve' })
  host.publish(CONFIG, core)
  host.publish(SESSIONS, fixture.sessions)
  host.publish(TLS_FACTS, { leafSha1: () => SHA1, chains: () => [] })
  await host.start([{ plugin: alwaysOn, config }])
  return { fixture, end: async (): Promise<void> => (await host.stop(), fixture.stop()) }
}

for (const kind of CISCO_CLIENTS) {
  test(`cisco-script G18 G19 ${kind.name}: fetches the profile of its group once, and again only when it has lost it; another group none`, async () => {
    const { fixture, end } = await gateway()
    const options = { dial: fakeDial(fixture.plane), host: 'vpn.example.com', kind, user: 'test', password: 'test123', leafSha1: SHA1, profiles: new Map<string, string>() }
    const client = (chosen: string): CiscoClient => new CiscoClient({ ...options, group: chosen })
    const fetched: string[][] = []
    for (const [chosen, before] of [['staff'], ['staff'], ['staff', 'altered'], ['guests']] as const) {
      if (before === 'altered') options.profiles.set('office.xml', `${options.profiles.get('office.xml')} `)
      const one = client(chosen)
      await one.run()
      fetched.push(one.fetched)
    }
    assert.equal(fetched, [['/CACHE/stc/profiles/office.xml'], [], ['/CACHE/stc/profiles/office.xml'], []])
    assert.equal([...options.profiles.keys()], ['office.xml'])
    const away = new CiscoClient({ ...options, group: 'staff', host: 'vpn.elsewhere.example' })
    await away.login().then(() => assert.unreachable('refused'), (error: unknown) => assert.match(String(error), 'param1="Connections to this secure gateway are not permitted."'))
    assert.is(fixture.audit.entries.filter(({ ok }) => !ok).length, 1)
    await end()
  })
}

test.run()
