import { formatAddress, formatPrefix, nthAddress, parsePrefix, type ConnectRequest, type Contribution, type FilterRule, type GatewayConfig, type Negotiator, type Session, type SessionListener, type Sessions, type TunnelFilter } from '../../core/api.ts'
import { filterRules } from './filter-rules.ts'
import { membership, type Membership } from './members.ts'
import { without } from './networks.ts'
import type { Roster } from './roster.ts'

/** What of the table sessions deal with. */
export interface RuleTable {
  readonly stands: boolean
  changed(): void
}

/**
 * The rules of sessions. In the table of the kernel they stand as elements of sets; until they do, and where there is no such
 * table, the tunnel carries them itself, from its first packet on.
 */
export class SessionRules implements SessionListener, Negotiator {
  readonly name = 'firewall'
  table: RuleTable | undefined
  /** Sessions whose tunnel has a filter. */
  private readonly carrying = new Set<string>()
  /** Sessions whose elements are not in the kernel: asked for, and on the way there. */
  private waiting = new Set<string>()
  private leaving = new Set<string>()

  constructor(
    private readonly config: GatewayConfig,
    private readonly sessions: Sessions,
    private readonly roster: Roster,
  ) {}

  negotiate(_request: ConnectRequest, session: Session): Contribution {
    const filter = this.held(session) ? undefined : this.filter(session)
    if (filter) this.carrying.add(session.id)
    else this.carrying.delete(session.id)
    return { headers: [], ...(filter && { tunnel: { filter } }) }
  }

  tunnelUp(session: Session): void {
    this.enroll(session)
  }

  policyChanged(session: Session): void {
    if (same(this.roster.get(session.id), membership(session, ownAddresses(this.config))) && this.held(session)) return
    this.carry(session)
    this.enroll(session)
  }

  sessionEnded(session: Session): void {
    this.carrying.delete(session.id)
    this.roster.remove(session.id)
    this.waiting.delete(session.id)
    this.table?.changed()
  }

  /** Before the table is there: those who come back find their elements. */
  enrollAll(): void {
    for (const session of this.sessions.list()) this.enroll(session)
  }

  /** The kernel is about to get what the roster has. */
  taken(): void {
    for (const session of this.waiting) this.leaving.add(session)
    this.waiting.clear()
  }

  /** The kernel has it. */
  standing(): void {
    this.leaving.clear()
    for (const session of this.carrying) {
      if (this.waiting.has(session)) continue
      this.carrying.delete(session)
      this.sessions.setFilter(session, undefined)
    }
  }

  /** Nobody knows what the kernel has. */
  lost(): void {
    this.leaving.clear()
    for (const session of this.sessions.list()) this.carry(session)
  }

  private carry(session: Session): void {
    const filter = this.filter(session)
    if (filter) this.carrying.add(session.id)
    else if (!this.carrying.delete(session.id)) return
    this.sessions.setFilter(session.id, filter)
  }

  private enroll(session: Session): void {
    const wanted = membership(session, ownAddresses(this.config))
    if (same(this.roster.get(session.id), wanted)) return
    this.roster.put(session.id, wanted)
    this.waiting.add(session.id)
    this.table?.changed()
  }

  /** The kernel judges the session as its policy says. */
  private held(session: Session): boolean {
    if (!this.table?.stands || this.waiting.has(session.id) || this.leaving.has(session.id)) return false
    const [has, wanted] = [this.roster.get(session.id), membership(session, ownAddresses(this.config))]
    return same(has, wanted) && (has !== undefined || wanted.chain === undefined)
  }

  private filter({ policy: { values } }: Session): TunnelFilter | undefined {
    const apart = values.clientToClient ? [] : clientNetworks(this.config)
    const rules: FilterRule[] = [...(apart.length > 0 ? [{ verdict: 'drop', to: apart } as const] : []), ...filterRules(values, ownAddresses(this.config))]
    return rules.length === 0 ? undefined : { rules, ...(apart.length > 0 && { closedTo: apart, apart: true }) }
  }
}

/** The pools without the gateway's own addresses. */
export function clientNetworks({ pools }: Pick<GatewayConfig, 'pools'>): readonly string[] {
  return [...pools.values()].flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]).flatMap((cidr) => {
    const prefix = cidr === undefined ? undefined : parsePrefix(cidr)
    const own = prefix && nthAddress(prefix, 1)
    return prefix && own ? without(prefix, own).map(formatPrefix) : []
  })
}

/** The gateway's own addresses in the pools: where its resolver answers. */
const ownAddresses = ({ pools }: Pick<GatewayConfig, 'pools'>): readonly string[] =>
  [...pools.values()].flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]).flatMap((cidr) => {
    const prefix = cidr === undefined ? undefined : parsePrefix(cidr)
    const own = prefix && nthAddress(prefix, 1)
    return own ? [formatAddress(own)] : []
  })

const EMPTY: Membership = { chain: undefined, members: [] }
const keyOf = ({ chain, members }: Membership): string => JSON.stringify([chain?.name, members])
const same = (a: Membership = EMPTY, b: Membership): boolean => keyOf(a.members.length === 0 ? EMPTY : a) === keyOf(b.members.length === 0 ? EMPTY : b)
