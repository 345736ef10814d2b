import type { Clock } from '../clock.ts'
import type { DtlsDownReason } from '../dataplane.ts'
import type { Hooks } from '../hooks.ts'
import type { Logger } from '../log.ts'
import { DTLS_ENDS, SESSION_ENDS } from './end-reasons.ts'
import { changeText, type PolicyChange } from './policy-change.ts'
import type { SessionEvent } from './session-history.ts'
import type { SessionRecord } from './session-record.ts'
import type { DownReason, EndCause, SessionListener, TunnelEndReason } from './session.ts'

/**
 * What happens to sessions: an entry of their history, a line in the log, then the listeners in their order. One that
 * throws is logged and keeps nothing from the others.
 */
export class SessionListeners {
  constructor(
    private readonly hooks: Hooks<SessionListener>,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {}

  created(record: SessionRecord): void {
    this.note(record, { what: 'login', text: `login from ${record.peer}` })
    this.each((listener) => listener.sessionCreated?.(record))
  }
  up(record: SessionRecord): void {
    const { id, user, peer, leases: { ipv4, ipv6 }, tls } = record
    this.note(record, { what: 'tunnel-up', text: `${tls?.version ?? 'TLS'} from ${peer}` })
    this.log.info('tunnel up', { session: id, user, peer, ipv4: ipv4?.address, ipv6: ipv6?.address, ...tls })
    this.each((listener) => listener.tunnelUp?.(record))
  }
  dtlsUp(record: SessionRecord): void {
    const { id, user, dtls } = record
    this.note(record, { what: 'dtls-up', text: `${dtls?.version} ${dtls?.cipher}` })
    this.log.info('dtls up', { session: id, user, version: dtls?.version, cipher: dtls?.cipher })
    this.each((listener) => listener.dtlsUp?.(record))
  }
  dtlsDown(record: SessionRecord, reason: DtlsDownReason): void {
    const why = DTLS_ENDS[reason]
    this.note(record, { what: 'dtls-down', reason, text: why })
    this.log.info('dtls down', { session: record.id, user: record.user, reason, why })
    this.each((listener) => listener.dtlsDown?.(record, reason))
  }
  roamed(record: SessionRecord, from: string): void {
    this.note(record, { what: 'roamed', text: `from ${from} to ${record.peer}` })
    this.log.info('session roamed', { session: record.id, user: record.user, from, to: record.peer })
    this.each((listener) => listener.roamed?.(record, from))
  }
  /** The tunnel never came up: no listener had heard of it. */
  failed(record: SessionRecord, reason: TunnelEndReason, why: string): void {
    this.note(record, { what: 'tunnel-down', reason, text: why })
    this.log.info('tunnel did not come up', { session: record.id, user: record.user, reason, why })
  }
  /** `said`: the client's own words with its goodbye. */
  down(record: SessionRecord, reason: DownReason, why: string, said?: string): void {
    this.note(record, { what: 'tunnel-down', reason, text: said === undefined ? why : `${why}: ${JSON.stringify(said)}` })
    this.log.info('tunnel down', { session: record.id, user: record.user, reason, why, ...(said !== undefined && { said }) })
    this.each((listener) => listener.tunnelDown?.(record, reason))
  }
  ending(record: SessionRecord, secondsLeft: number): void {
    this.note(record, { what: 'ending', reason: record.limitCause, text: `${secondsLeft} s until ${record.limitCause}` })
    this.log.info('session ends soon', { session: record.id, user: record.user, secondsLeft, cause: record.limitCause })
    this.each((listener) => listener.sessionEnding?.(record, secondsLeft))
  }
  policyChanged(change: PolicyChange): void {
    const { record, before } = change
    const what = changeText(change)
    this.note(record, { what: 'policy', text: `policy changed: ${what}` })
    this.log.debug('policy changed', { session: record.id, user: record.user, what })
    this.each((listener) => listener.policyChanged?.(record, before))
  }
  sentRound(record: SessionRecord, what: readonly string[]): void {
    this.note(record, { what: 'policy', text: `its client comes back for ${what.join(', ')}` })
  }
  contested(record: SessionRecord, peer: string): void {
    const why = 'two clients use the cookie of one session'
    this.note(record, { what: 'refused', reason: 'contested', text: `${why}: ${peer} was told to wait` })
    this.log.warn(why, { session: record.id, user: record.user, peer, other: record.peer })
  }
  ended(record: SessionRecord, cause: EndCause): void {
    this.log.info('session ended', { session: record.id, user: record.user, cause, why: SESSION_ENDS[cause].said })
    this.each((listener) => listener.sessionEnded?.(record, cause))
  }

  private note(record: SessionRecord, event: Omit<SessionEvent, 'at'>): void {
    record.note({ at: this.clock.now(), ...event })
  }
  private each(tell: (listener: SessionListener) => void): void {
    for (const listener of this.hooks.list()) {
      try {
        tell(listener)
      } catch (error) {
        this.log.error('a session listener failed', { error })
      }
    }
  }
}
