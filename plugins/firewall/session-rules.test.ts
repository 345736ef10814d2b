import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BUILT_IN_POLICY, parsePrefix, parseAddress, formatPrefix, type ConnectRequest, type GatewayConfig, type Policy, type Session, type Sessions, type TunnelFilter } from '../../core/api.ts'
import { filterRules } from './filter-rules.ts'
import { flatten, without } from './networks.ts'
import { Roster } from './roster.ts'
import { SessionRules } from './session-rules.ts'

const pools = new Map([['default', { name: 'default', ipv4: '10.20.0.0/30', quarantineSec: 0 }]])
/** The network without the gateway's own address in it. */
const CLIENTS = ['10.20.0.2/31', '10.20.0.0/32']

function rig(stands: boolean | undefined) {
  const live = new Map<string, Session>()
  const filters = new Map<string, TunnelFilter | undefined>()
  const sessions = { list: () => [...live.values()], setFilter: (id: string, filter: TunnelFilter | undefined) => void filters.set(id, filter) } as unknown as Sessions
  const roster = new Roster()
  const rules = new SessionRules({ pools } as unknown as GatewayConfig, sessions, roster)
  const table = { stands: stands ?? false, changes: 0, changed: () => void table.changes++ }
  if (stands !== undefined) rules.table = table
  const session = (id: string, policy: Partial<Policy>, address?: string): Session => {
    const value = { id, leases: address === undefined ? {} : { ipv4: { address, prefix: 30 } }, policy: { values: { ...BUILT_IN_POLICY, ...policy } } } as unknown as Session
    live.set(id, value)
    return value
  }
  const connect = (value: Session): TunnelFilter | undefined => rules.negotiate({} as ConnectRequest, value).tunnel?.filter
  const settle = (): void => (rules.taken(), void roster.takeChange(), rules.standing())
  return { rules, roster, table, filters, session, connect, settle }
}
const DENY = { deny: ['tcp 22'] }
const APART = { verdict: 'drop', to: CLIENTS } as const
const DENIED = { verdict: 'drop', protocol: 'tcp', ports: [22, 22] } as const

test('G17 the tunnel carries its rules from CONNECT until its elements stand, and again while they change', () => {
  const { rules, roster, table, filters, session, connect, settle } = rig(true)
  assert.equal(connect(session('a', DENY)), { rules: [APART, DENIED], closedTo: CLIENTS, apart: true })
  rules.tunnelUp(session('a', DENY, '10.20.0.2'))
  assert.is(table.changes, 1)
  assert.not.ok(filters.has('a'))
  settle()
  assert.is(filters.get('a'), undefined)
  assert.ok(filters.has('a'))
  assert.is(connect(session('a', DENY, '10.20.0.2')), undefined, 'back with another tunnel')

  filters.clear()
  rules.policyChanged(session('a', { deny: ['tcp 22'], allow: ['tcp'], dns: ['10.1.0.53'] }, '10.20.0.2'))
  assert.equal(filters.get('a')?.rules, [APART, DENIED, ...(['udp', 'tcp'] as const).map((protocol) => ({ verdict: 'pass', protocol, ports: [53, 53], to: ['10.1.0.53'] })), { verdict: 'pass', protocol: 'tcp' }, { verdict: 'drop' }])
  rules.taken()
  rules.policyChanged(session('a', DENY, '10.20.0.2'))
  rules.standing()
  assert.equal(filters.get('a')?.rules, [APART, DENIED], 'what came meanwhile is not in the table yet')
  settle()
  assert.is(filters.get('a'), undefined)
  rules.sessionEnded(session('a', DENY, '10.20.0.2'))
  assert.is(roster.size, 0)
})

test('a policy that restricts nothing costs nothing, also when it changes', () => {
  const { rules, roster, table, filters, session, connect } = rig(true)
  assert.is(connect(session('a', {})), undefined)
  rules.tunnelUp(session('a', {}, '10.20.0.2'))
  rules.policyChanged(session('a', { mtu: 1300 }, '10.20.0.2'))
  assert.equal([roster.size, table.changes, filters.size], [0, 0, 0])
})

test('G17 without a table, and when it is lost, every tunnel carries what the table would do', () => {
  const none = rig(undefined)
  assert.equal(none.connect(none.session('a', {})), { rules: [APART], closedTo: CLIENTS, apart: true })
  assert.is(none.connect(none.session('b', { clientToClient: true })), undefined)
  none.rules.tunnelUp(none.session('a', {}, '10.20.0.2'))
  none.rules.policyChanged(none.session('a', DENY, '10.20.0.2'))
  assert.equal(none.filters.get('a')?.rules, [APART, DENIED])

  const lost = rig(true)
  lost.rules.tunnelUp(lost.session('a', DENY, '10.20.0.2'))
  lost.settle()
  lost.table.stands = false
  lost.rules.lost()
  assert.equal(lost.filters.get('a')?.rules, [APART, DENIED])
  lost.table.stands = true
  lost.settle()
  assert.is(lost.filters.get('a'), undefined, 'the table is back')
})

test('G17 deny, then DNS, then routes, then allow; entries of one service are one rule', () => {
  const policy = { ...BUILT_IN_POLICY, dns: ['10.1.0.53'], restrictToRoutes: true, splitInclude: ['10.0.0.0/8'], splitExclude: ['10.9.0.0/16'] }
  assert.equal(filterRules({ ...policy, deny: ['tcp 22 10.1.0.5', 'icmp', 'tcp 22 10.1.0.6', '10.3.0.0/16'], allow: ['udp 10.4.0.0/16', 'udp'] }, []), [
    { verdict: 'drop', protocol: 'tcp', ports: [22, 22], to: ['10.1.0.5/32', '10.1.0.6/32'] },
    { verdict: 'drop', protocol: 'icmp' },
    { verdict: 'drop', to: ['10.3.0.0/16'] },
    { verdict: 'pass', protocol: 'udp', ports: [53, 53], to: ['10.1.0.53'] },
    { verdict: 'pass', protocol: 'tcp', ports: [53, 53], to: ['10.1.0.53'] },
    { verdict: 'drop', to: ['10.0.0.0/8'], elsewhere: true },
    { verdict: 'drop', to: ['10.9.0.0/16'] },
    { verdict: 'pass', protocol: 'udp' },
    { verdict: 'drop' },
  ])
  assert.equal(filterRules({ ...policy, splitInclude: [], splitExclude: [] }, []), [], 'a full tunnel restricts nothing')
  assert.equal(filterRules({ ...policy, restrictToRoutes: false }, []), [], 'routes alone are advice')
  assert.equal(filterRules({ ...BUILT_IN_POLICY, dns: ['10.1.0.53'], deny: ['udp'] }, []), [{ verdict: 'drop', protocol: 'udp' }])
})

test('networks that lie in each other become ranges; a prefix without one address', () => {
  assert.equal(flatten(new Map([['10.0.0.0/8', 'a'], ['10.0.0.0/24', 'b'], ['10.0.0.255/32', 'c'], ['10.255.0.0/16', 'd'], ['11.0.0.0/8', 'e']])), [
    ['10.0.0.0-10.0.0.254', 'b'], ['10.0.0.255', 'c'], ['10.0.1.0-10.254.255.255', 'a'], ['10.255.0.0-10.255.255.255', 'd'], ['11.0.0.0-11.255.255.255', 'e'],
  ])
  const [prefix, address] = [parsePrefix('fd20::/126'), parseAddress('fd20::1')]
  if (!prefix || !address) throw new Error('not an address')
  assert.equal(without(prefix, address).map(formatPrefix), ['fd20::2/127', 'fd20::/128'])
})

test.run()
