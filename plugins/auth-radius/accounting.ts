import { endpointAddress, SESSION_ENDS, TERMINATE_CAUSE, type Clock, type EndCause, type MetricSource, type Session, type SessionListener, type Sessions } from '../../core/api.ts'
import type { AccountedSession, AccountingKind, Traffic } from './accounting-record.ts'
import type { AccountingSender } from './accounting-sender.ts'
import type { AccountingSpool } from './accounting-spool.ts'

const TICK_MS = 1000
/** RFC 2869 section 5.16. */
export const MIN_INTERVAL_SEC = 60
/** Of the interval, more or less, so that sessions of one morning do not report at once. */
const JITTER = 0.1
const STOP_LIMIT_MS = 1500
const base64 = (value: Uint8Array): string => Buffer.from(value).toString('base64')

/** What the servers said of a session's user at the login. */
export interface AccountingTicket {
  /** User-Name of the Access-Accept, else as the session has it. */
  readonly user?: string | undefined
  readonly classes: readonly Uint8Array[]
  readonly chargeable?: Uint8Array | undefined
  /** Acct-Interim-Interval. */
  readonly interimSec?: number | undefined
}
export interface AccountingParts {
  readonly clock: Clock
  readonly sender: AccountingSender
  readonly sessions: Pick<Sessions, 'get' | 'counters'>
  readonly spool: AccountingSpool
  /** Undefined: somebody else let the user in, and nobody is told of the session. */
  ticketOf(session: Session): AccountingTicket | undefined
  /** As configured now; undefined: sessions that begin are not told of. */
  intervalSec(): number | undefined
}

/**
 * Accounting (RFC 2866): a session begins with its first tunnel and ends when it ends, whatever tunnels it had and however
 * often the gateway started in between.
 */
export class Accounting implements SessionListener, MetricSource {
  /** Monotonic: when a session is told of next. */
  private readonly due = new Map<string, number>()
  private timer: { cancel(): void } | undefined

  constructor(private readonly parts: AccountingParts) {}

  /** After the sessions are restored. */
  start(): void {
    const { spool, sessions, sender } = this.parts
    spool.load()
    const before = spool.sessions()
    for (const known of before) {
      if (sessions.get(known.id)) this.schedule(known)
      else this.tell('stop', known, TERMINATE_CAUSE.lostService)
    }
    // Otherwise a server would take sessions that go on for ended.
    if (before.length === 0 && spool.queue.size === 0 && this.parts.intervalSec() !== undefined) this.tell('on')
    sender.start()
    const tick = (): void => {
      this.timer = this.parts.clock.after(TICK_MS, tick)
      this.tick()
    }
    tick()
  }

  async stop(): Promise<void> {
    const { spool, sender } = this.parts
    this.timer?.cancel()
    if (spool.sessions().length === 0 && this.parts.intervalSec() !== undefined) this.tell('off')
    await sender.stop(STOP_LIMIT_MS)
    spool.save()
  }

  tunnelUp(session: Session): void {
    const known = this.parts.spool.session(session.id)
    if (known) return this.soon(session.id)
    const ticket = this.parts.ticketOf(session)
    const intervalSec = this.parts.intervalSec()
    if (!ticket || intervalSec === undefined) return
    const { clock } = this.parts
    const begun: AccountedSession = {
      ...this.seen(session), id: session.id, user: ticket.user ?? session.user, classes: ticket.classes.map(base64), chargeable: ticket.chargeable && base64(ticket.chargeable),
      intervalSec: Math.max(MIN_INTERVAL_SEC, ticket.interimSec ?? intervalSec), beganAfter: clock.now() - session.createdAt, seconds: 0,
    }
    this.tell('start', begun)
    this.schedule(begun)
  }
  roamed(session: Session): void {
    this.soon(session.id)
  }
  sessionEnded(session: Session, cause: EndCause): void {
    const known = this.parts.spool.session(session.id)
    this.due.delete(session.id)
    if (known) this.tell('stop', this.now(known, session), SESSION_ENDS[cause].terminateCause)
  }

  collect(): ReturnType<MetricSource['collect']> {
    const { spool: { queue }, sender, clock } = this.parts
    const oldest = queue.oldest()
    return [
      { name: 'postern_auth_radius_accounting_delivered_total', help: 'Accounting records that a server has taken', type: 'counter', value: sender.sent },
      { name: 'postern_auth_radius_accounting_unanswered_total', help: 'Tries to deliver an accounting record that no server answered', type: 'counter', value: sender.failures },
      { name: 'postern_auth_radius_accounting_dropped_total', help: 'Accounting records given up because there were too many or they were too old', type: 'counter', value: queue.dropped },
      { name: 'postern_auth_radius_accounting_waiting', help: 'Accounting records that wait for a server', type: 'gauge', value: queue.size },
      { name: 'postern_auth_radius_accounting_oldest_seconds', help: 'Age of the oldest of them', type: 'gauge', value: oldest === undefined ? 0 : Math.round((clock.monotonic() - oldest) / 1000) },
    ]
  }

  private tick(): void {
    const { clock, sessions, spool } = this.parts
    const now = clock.monotonic()
    for (const [id, at] of this.due) {
      if (at > now) continue
      const [known, session] = [spool.session(id), sessions.get(id)]
      this.due.delete(id)
      if (!known || !session) continue
      const current = this.now(known, session)
      this.tell('interim', current)
      this.schedule(current)
    }
  }

  private schedule({ id, intervalSec }: AccountedSession): void {
    this.due.set(id, this.parts.clock.monotonic() + intervalSec * 1000 * (1 + JITTER * (2 * Math.random() - 1)))
  }
  /** With the next tick: its client is elsewhere, or back. */
  private soon(id: string): void {
    if (this.due.has(id)) this.due.set(id, this.parts.clock.monotonic())
  }

  private tell(kind: AccountingKind, session?: AccountedSession, cause?: number): void {
    this.parts.spool.add({ kind, at: this.parts.clock.now(), session, cause })
    this.parts.sender.pump()
  }

  private now(known: AccountedSession, session: Session): AccountedSession {
    const ms = this.parts.clock.now() - session.createdAt - known.beganAfter
    return { ...known, ...this.seen(session), seconds: Math.max(known.seconds, Math.round(ms / 1000)) }
  }

  private seen(session: Session): Pick<AccountedSession, 'peer' | 'ipv4' | 'ipv6' | 'traffic'> {
    const { rxBytes, txBytes, rxPackets, txPackets } = this.parts.sessions.counters(session)
    const traffic: Traffic = { bytesIn: Number(rxBytes), bytesOut: Number(txBytes), packetsIn: Number(rxPackets), packetsOut: Number(txPackets) }
    return { peer: endpointAddress(session.peer), ipv4: session.leases.ipv4?.address, ipv6: session.leases.ipv6?.address, traffic }
  }
}
