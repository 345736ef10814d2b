import { randomBytes } from 'node:crypto'
import type { Audit, Clock, Identity, Logger } from '../../core/api.ts'
import type { Counters } from './counters.ts'
import type { Failure } from './dialogue-outcome.ts'
import { PacedLog } from './paced-log.ts'
import { printable } from './user-agent.ts'

export interface LoginRecordsParts {
  readonly audit: Audit
  readonly clock: Pick<Clock, 'monotonic'>
  readonly log: Logger
  readonly counters: Counters
}
/** Where a login was tried. */
export interface LoginPlace {
  readonly peer: string
  readonly group: string
}
/** A refusal as it is written down; its reason may be a plugin's own. */
type Refused = Omit<Failure, 'reason'> & { readonly reason: string }

/** What log, audit and metrics hear of logins. */
export class LoginRecords {
  private readonly noMethod: PacedLog
  private readonly unavailable: PacedLog
  private readonly banned: PacedLog
  private readonly notTaken: PacedLog

  constructor(private readonly parts: LoginRecordsParts) {
    const { clock, log } = parts
    this.noMethod = new PacedLog(clock, (fields) => log.error('no login method of the group is available', fields))
    this.unavailable = new PacedLog(clock, (fields) => log.error('login not possible right now', fields))
    this.notTaken = new PacedLog(clock, (fields) => log.info('login step not taken', fields))
    this.banned = new PacedLog(clock, ({ failure, place, suppressed }) => this.write(failure as Refused, place as LoginPlace, suppressed as number | undefined))
  }

  missing(group: string): void {
    this.noMethod.line({ group })
  }

  /** Returns the number that the client is shown for an internal error. */
  refused(failure: Refused, place: LoginPlace): string | undefined {
    this.parts.counters.refused(failure.step ?? 'gateway', failure.reason)
    const errorId = failure.reason === 'internal' ? randomBytes(4).toString('hex') : undefined
    if (errorId !== undefined) this.parts.log.error('login failed inside the gateway', { errorId, group: place.group, step: failure.step, error: failure.cause })
    // These two say nothing about who tried, and anybody can cause them as fast as the port answers.
    if (failure.reason === 'unavailable') this.unavailable.line({ ...place, step: failure.step, detail: printable(failure.detail ?? ''), error: failure.cause })
    else if (failure.reason === 'banned') this.banned.line({ failure, place })
    else this.write(failure, place)
    return errorId
  }

  /** A login that was begun and left: the password was right or wrong, the rest never came. */
  abandoned(failure: Failure, place: LoginPlace): void {
    this.parts.counters.refused(failure.step ?? 'gateway', failure.reason)
    this.write(failure, place)
  }

  /** `ordinary`: nothing that the administrator would look into. */
  passedOver({ reason, step, detail, user }: Failure, place: LoginPlace, ordinary: boolean): void {
    const fields = { step, reason, detail: printable(detail ?? ''), user: printable(user ?? '', 64) || undefined, ...place }
    if (ordinary) this.parts.log.debug('login step not taken', fields)
    else this.notTaken.line(fields)
  }

  succeeded(identity: Identity, chain: readonly string[], session: string, place: LoginPlace): void {
    const detail = `group ${place.group}, ${chain.join('+') || identity.source}`
    this.parts.audit.record({ action: 'login', actor: identity.user, subject: session, peer: place.peer, ok: true, detail })
  }

  private write({ reason, user, step, detail }: Refused, { peer, group }: LoginPlace, suppressed?: number): void {
    const actor = printable(user ?? '', 64) || 'unknown'
    const why = printable(detail ?? '')
    const at = step === undefined ? '' : `, step ${step}`
    this.parts.audit.record({ action: 'login', actor, peer, ok: false, detail: `${reason}, group ${group}${at}${why === '' ? '' : `: ${why}`}` })
    this.parts.log.info('login refused', { user: actor, reason, group, peer, ...(step !== undefined && { step }), ...(why !== '' && { detail: why }), ...(suppressed !== undefined && { suppressed }) })
  }
}
