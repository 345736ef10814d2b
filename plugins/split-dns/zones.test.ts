import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SplitDnsConfig } from './config.ts'
import { sectionProblems } from './section-check.ts'
import { Zones } from './zones.ts'

const section = (value: object): SplitDnsConfig => SplitDnsConfig.parse(value)
const zones = (value: object): Zones => new Zones(section(value))
const zoneOf = (all: Zones, name: string, group = 'staff'): string | undefined => {
  const route = all.of(group).route(name)
  return route && (route.zone ?? 'upstream')
}
const refusals = (value: object): string[] => SplitDnsConfig.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? []

test('G17 a name and all below it; a wildcard what is below alone; the longest wins', () => {
  const all = zones({ upstream: ['192.0.2.53'], zone: [{ names: ['Corp.Example.', '*.lab.example', 'deep.lab.example'], servers: ['10.1.0.53'] }] })
  for (const [name, zone] of Object.entries({
    'corp.example': 'corp.example', 'www.corp.example': 'corp.example', 'a.b.c.corp.example': 'corp.example',
    'xcorp.example': 'upstream', 'example': 'upstream', '.': 'upstream', 'corp.example.com': 'upstream',
    'lab.example': 'upstream', 'a.lab.example': '*.lab.example', 'a.b.lab.example': '*.lab.example', 'deep.lab.example': 'deep.lab.example', 'x.deep.lab.example': 'deep.lab.example',
  })) assert.is(zoneOf(all, name), zone, name)
})

test('G17 zones of a group are for its sessions; at the same name they win over the ones of all', () => {
  const all = zones({ zone: [
    { names: ['corp.example'], servers: ['10.1.0.53'] },
    { names: ['corp.example', 'secret.example'], servers: ['10.2.0.53'], groups: ['staff'] },
  ] })
  assert.is(all.of('staff').route('a.corp.example')?.servers[0]?.address, '10.2.0.53')
  assert.is(all.of('guests').route('a.corp.example')?.servers[0]?.address, '10.1.0.53')
  assert.is(zoneOf(all, 'a.secret.example', 'staff'), 'secret.example')
  assert.is(zoneOf(all, 'a.secret.example', 'guests'), undefined, 'nobody: there is no upstream')
  assert.equal(all.of('guests').names, ['corp.example'])
})

test('a wildcard beside its own name', () => {
  const all = zones({ zone: [{ names: ['*.corp.example'], servers: ['10.2.0.53'] }, { names: ['corp.example'], servers: ['10.1.0.53'] }] })
  assert.equal(['corp.example', 'a.corp.example'].map((name) => zoneOf(all, name)), ['corp.example', '*.corp.example'])
})

test('servers: with and without port, both families', () => {
  assert.equal(section({ upstream: ['9.9.9.9', '10.1.0.53:5353', 'fd00::53', '[fd00::53]:54'] }).upstream, [
    { address: '9.9.9.9', port: 53 }, { address: '10.1.0.53', port: 5353 }, { address: 'fd00::53', port: 53 }, { address: 'fd00::53', port: 54 },
  ])
})

test('G17 a bad section is refused with the place', () => {
  assert.equal(refusals({ upstream: ['dns.example'] }), ['upstream.0 "dns.example" is not a DNS server such as "10.1.0.53", "10.1.0.53:5353" or "[fd00::53]:53"'])
  assert.equal(refusals({ upstream: ['9.9.9.9', '9.9.9.9:53'] }), ['upstream.1 9.9.9.9 is listed twice'])
  assert.is(refusals({ upstream: ['9.9.9.9:0'] }).length, 1)
  assert.is(refusals({ upstream: [9] }).length, 1)
  assert.is(refusals({ zone: [{ names: ['corp..example'], servers: ['10.1.0.53'] }] })[0], 'zone.0.names.0 "corp..example" is not a domain name')
  assert.is(refusals({ zone: [{ names: ['a.*.example'], servers: ['10.1.0.53'] }] })[0], 'zone.0.names.0 "a.*.example" is not a domain name')
  assert.equal(refusals({ zone: [{ names: ['corp.example'], servers: [] }] }).length, 1)
  assert.equal(refusals({ zone: [{ names: ['a.example', 'A.example.'], servers: ['10.1.0.53'], groups: ['staff'] }] }), ['zone.0.names.1 "a.example" is in two zones of group "staff"'])
  assert.equal(refusals({ zone: [{ names: ['a.example'], servers: ['10.1.0.53'] }, { names: ['a.example'], servers: ['10.1.0.54'] }] }), ['zone.1.names.0 "a.example" is in two zones'])
})

test('G17 groups that are not there, and servers that are the resolver itself', () => {
  const config = {
    groups: new Map([['staff', { name: 'staff', label: 'staff', auth: [], policy: {} }]]),
    pools: new Map([['default', { name: 'default', ipv4: '10.20.0.0/16', ipv6: 'fd20::/64', quarantineSec: 0 }]]),
  }
  const problems = sectionProblems(section({ upstream: ['10.20.0.1', '10.20.0.1:5353'], zone: [{ names: ['a.example'], servers: ['fd20::1'], groups: ['staff', 'stuff'] }] }), config)
  assert.equal(problems.map(({ path, message }) => `${path.join('.')} ${message}`), [
    'upstream.0 10.20.0.1 is the gateway\'s own address in a pool, where this resolver answers',
    'zone.0.servers.0 fd20::1 is the gateway\'s own address in a pool, where this resolver answers',
    'zone.0.groups.1 there is no group "stuff"; did you mean "staff"?',
  ])
})

test.run()
