import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BUILT_IN_POLICY, CLOCK, CONFIG, HEALTH, systemClock, type ConnectRequest, type GatewayConfig, type Policy } from '../../core/api.ts'
import { PluginHost } from '../../core/host.ts'
import { Slots } from '../../core/slots.ts'
import { ListedHealth, testDirectory, TestLog } from '../../core/testing.ts'
import plugin from './index.ts'
import { session } from './testing.ts'

const CORE = {
  pools: new Map([['default', { name: 'default', ipv4: '10.20.0.0/16', ipv6: 'fd20::/64', quarantineSec: 0 }]]),
  groups: new Map(['staff', 'guests'].map((name) => [name, { name, label: name, auth: [], policy: {} }])),
} as unknown as GatewayConfig
const SECTION = { upstream: ['9.9.9.9'], zone: [{ names: ['corp.example', '*.lab.example'], servers: ['10.1.0.53'] }, { names: ['secret.example'], servers: ['10.9.0.53'], groups: ['staff'] }] }

async function started(section: object) {
  const slots = new Slots()
  const host = new PluginHost({ log: new TestLog(), slots, dataDirectory: testDirectory(), mode: 'serve' })
  const health = new ListedHealth()
  host.publish(CLOCK, systemClock)
  host.publish(CONFIG, CORE)
  host.publish(HEALTH, health)
  await host.start([{ plugin, config: plugin.config.parse(section) }])
  const told = (policy: Partial<Policy> = {}, group = 'staff') => {
    const contribution = slots.negotiator.list()[0]?.negotiate({} as ConnectRequest, session('one', '10.20.0.5', { group, policy }))
    return [contribution?.dns, contribution?.splitDns]
  }
  return { slots, host, told, run: async (path: string) => (await host.commands.run(path, { args: {}, options: {}, actor: 'cli' })) }
}
const OWN = ['10.20.0.1', 'fd20::1']

test('G17 a client without DNS servers of its policy is told the resolver; the zones when only some networks are tunnelled', async () => {
  const { told, host } = await started(SECTION)
  assert.equal(told(), [OWN, undefined], 'everything goes through the tunnel: every name is asked here')
  assert.equal(told({ splitInclude: ['10.0.0.0/8'] }), [OWN, ['corp.example', 'lab.example', 'secret.example']])
  assert.equal(told({ splitInclude: ['10.0.0.0/8'] }, 'guests'), [OWN, ['corp.example', 'lab.example']])
  assert.equal(told({ splitInclude: ['10.0.0.0/8'], dns: ['10.20.0.1'] })[1], ['corp.example', 'lab.example', 'secret.example'], 'told of it by its policy')
  assert.equal(told({ splitInclude: ['10.0.0.0/8'], dns: ['10.1.0.53'] }), [undefined, undefined], 'it asks others')
  assert.equal(told({ pool: 'gone' })[0], [])
  await host.stop()
})

test('G17 clients hear of other names with their next CONNECT, of other servers never: the plan says which, and who has to come', async () => {
  const { slots, host } = await started(SECTION)
  const [negotiator] = slots.negotiator.list()
  const client = session('one', '10.20.0.5', { group: 'staff', policy: { splitInclude: ['10.0.0.0/8'] } })
  const parse = (change: object) => plugin.config.parse({ ...SECTION, ...change })
  assert.is(negotiator?.outdated?.(client), false, 'told nothing yet')
  negotiator?.negotiate({} as ConnectRequest, client)
  const servers = parse({ zone: SECTION.zone.map((zone) => ({ ...zone, servers: ['10.1.0.54'] })) })
  const names = parse({ zone: [{ names: ['other.example'], servers: ['10.1.0.54'] }] })
  assert.equal([plugin.toldAtConnect(parse({}), servers), plugin.toldAtConnect(servers, names)], [undefined, 'names of its zones'])
  await host.applyConfig('split-dns', servers)
  assert.is(negotiator?.outdated?.(client), false)
  await host.applyConfig('split-dns', names)
  assert.is(negotiator?.outdated?.(client), true)
  negotiator?.negotiate({} as ConnectRequest, client)
  assert.is(negotiator?.outdated?.(client), false)
  await host.stop()
})

test('without upstream the zones are told in any case, and nothing to a group that has none', async () => {
  const { told, host } = await started({ zone: [{ names: ['secret.example'], servers: ['10.9.0.53'], groups: ['staff'] }] })
  assert.equal(told(), [OWN, ['secret.example']])
  assert.equal(told({}, 'guests'), [undefined, undefined])
  assert.equal(BUILT_IN_POLICY.dns, [])
  await host.stop()
})

test('G17 dns status shows servers, cache and the zones of each group; dns flush empties the cache', async () => {
  const { run, slots, host } = await started(SECTION)
  const { data, text } = await run('dns status')
  const status = data as { counters: object; servers: object[] }
  assert.equal({ ...status, counters: {} }, {
    listeners: [],
    servers: ['9.9.9.9', '10.1.0.53', '10.9.0.53'].map((server) => ({ server, state: 'ok', since: null, answers: 0, failures: 0 })),
    cache: { entries: 0, bytes: 0 },
    counters: {},
    groups: [
      { group: 'staff', zones: [{ name: 'corp.example', servers: ['10.1.0.53'] }, { name: '*.lab.example', servers: ['10.1.0.53'] }, { name: 'secret.example', servers: ['10.9.0.53'] }], upstream: true },
      { group: 'guests', zones: [{ name: 'corp.example', servers: ['10.1.0.53'] }, { name: '*.lab.example', servers: ['10.1.0.53'] }], upstream: true },
    ],
  })
  assert.match(text ?? '', /^listens on: nothing\n/)
  assert.match(text ?? '', /\n {2}\*\.lab\.example: 10\.1\.0\.53\n/)
  assert.equal(await run('dns flush'), { data: { entries: 0 }, text: '0 cached answers forgotten' })
  const metrics = slots.metric.list()[0]?.collect() ?? []
  assert.ok(metrics.length > 10 && metrics.every(({ name, help, type }) => /^postern_split_dns_[a-z_]+_total$/.test(name) && help !== '' && type === 'counter'))
  await host.stop()
})

test('it runs only with a section', () => {
  assert.is(plugin.runsByDefault, false)
})

test.run()
