import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { checkConfig, type LoadedConfig } from '../config/load.ts'
import { duration } from '../config/units.ts'
import type { Plugin } from '../plugin.ts'
import { planReload, type SessionEffect } from './plan.ts'

const plugin = (name: string): Plugin => ({ name, summary: '', config: z.strictObject({ wait: duration().default(5) }), start: () => undefined })
const PLUGINS = [plugin('live-one'), plugin('stiff-one')]
const read = (text: string): LoadedConfig => checkConfig(Buffer.from(text), '/x.toml', PLUGINS)

const BASE = `
[gateway]
name = "vpn.example.com"
[pool.default]
ipv4 = "10.20.0.0/16"
[pool.guests]
ipv4 = "10.30.0.0/16"
[policy]
dpd = "30s"
[group.staff]
[group.guests.policy]
pool = "guests"
`
function plan(text: string, sessions: readonly SessionEffect[] = [], certificates = false): string[] {
  const plugins = new Map([['live-one', true], ['stiff-one', false]])
  const told = (name: string, before: unknown, after: unknown): string => `${name} ${JSON.stringify([before, after])}`
  const mtu = { device: 1400, largest: Number(/^mtu = (\d+)/m.exec(text)?.[1] ?? 1400) }
  return planReload({ old: read(BASE), next: read(text), plugins, certificates, sessions, told, mtu })
    .map(({ kind, what, sessions: count }) => `${kind} ${what}${count === undefined ? '' : ` x${count}`}`)
}

test('the same configuration is no plan', () => {
  assert.equal(plan(BASE), [])
  assert.equal(plan(`# a comment\n${BASE}`), [])
})

const TABLE: readonly [what: string, text: string, expected: readonly string[]][] = [
  ['a policy value', BASE.replace('dpd = "30s"', 'dpd = "10s"\nsearch = { append = ["a.example"] }'), ['live policy.search', 'live policy.dpd']],
  ['keys that a restart takes', BASE.replace('[gateway]', '[gateway]\nlisten = ["127.0.0.1:4443"]\nworkers = 2\nmax-sessions = 5'), ['restart gateway.listen', 'restart gateway.workers', 'live gateway.max-sessions']],
  ['the gateway\'s name', BASE.replace('vpn.example.com', 'gate.example.com'), ['live gateway.name']],
  ['sections of plugins', `${BASE}[live-one]\nwait = "7s"\n[stiff-one]\nwait = "7s"\n`, ['restart [stiff-one]', 'live [live-one]', 'reconnect [live-one] live-one [{"wait":5},{"wait":7}]']],
  ['a plugin that is switched off', `${BASE}[live-one]\nenabled = false\n`, ['restart [live-one] off']],
  ['an MTU that the device has not', BASE.replace('[group.staff]', 'mtu = 1401\n[group.staff]'), ['restart policy.mtu above 1400, the MTU of the device', 'live policy.mtu']],
  ['an MTU that it has', BASE.replace('[group.staff]', 'mtu = 1399\n[group.staff]'), ['live policy.mtu']],
  ['a host', `${BASE}[host."two.example.com"]\n`, ['live host.two.example.com is new']],
  ['groups that come, go and change', BASE.replace('[group.staff]', '[group.admins]').replace('pool = "guests"', 'pool = "default"'), ['live gateway.groups', 'live group.staff goes', 'live group.guests', 'live group.admins is new']],
  ['pools', BASE.replace('[pool.guests]\nipv4 = "10.30.0.0/16"', '[pool.other]\nipv4 = "10.31.0.0/16"').replace('pool = "guests"', 'pool = "other"'), ['live pool.guests goes', 'live pool.other is new', 'live group.guests']],
]
for (const [what, text, expected] of TABLE) test(`plan of ${what}`, () => assert.equal(plan(text), expected))

test('new certificates are told, whatever the file says', () => {
  assert.equal(plan(BASE.replace('10.30.0.0/16', '10.32.0.0/16'), [], true), ['live certificates', 'live pool.guests'])
})

test('sessions are counted by what happens to them: live, with the next CONNECT, cut and why', () => {
  const sessions: SessionEffect[] = [
    { changed: ['dpdSec'], owed: [] },
    { changed: ['dpdSec', 'dns', 'pool'], owed: ['dns'] },
    { changed: ['splitInclude'], owed: ['splitInclude'] },
    { changed: [], owed: [] },
    { changed: [], owed: [], cut: 'group-removed' },
    { changed: [], owed: [], cut: 'group-removed' },
    { changed: [], owed: [], cut: 'lease-lost' },
  ]
  assert.equal(plan(BASE, sessions), [
    'live sessions: dpd x2', 'reconnect sessions: dns, split-include x2',
    'cut sessions: its group is not configured any more x2', 'cut sessions: its address is in no pool any more x1',
  ])
})

test.run()
