import type { Audit } from '../audit.ts'
import type { DataPlane, DropHow, TunnelHandle } from '../dataplane.ts'
import { bareSpec } from './bare-spec.ts'
import type { ClientNetworks } from './client-networks.ts'
import { auditEnd } from './end-audit.ts'
import { downClause } from './end-reasons.ts'
import type { EndedSessions } from './ended-sessions.ts'
import { firstLook } from './inactivity.ts'
import type { SessionClock } from './session-clock.ts'
import type { SessionIndex } from './session-index.ts'
import type { SessionKeeper } from './session-keeper.ts'
import type { SessionListeners } from './session-listeners.ts'
import { isUp, step, type MachineEvent } from './session-machine.ts'
import type { SessionRecord } from './session-record.ts'
import type { DownReason, EndCause, TunnelStart } from './session.ts'
import type { Totals } from './tunnel-totals.ts'

/** The one version the data plane serves (reference protocol 9.1). */
const DTLS_VERSION = 'DTLSv1.2'

export interface SessionMovesParts {
  readonly audit: Audit
  readonly clock: SessionClock
  readonly dataPlane: DataPlane
  readonly index: SessionIndex
  readonly keeper: SessionKeeper
  readonly lately: EndedSessions
  readonly listeners: SessionListeners
  readonly networks: ClientNetworks
  totals(record: SessionRecord): Totals
}

/** What comes with an event and decides nothing. */
export interface Particulars {
  /** The client's own words with its goodbye. */
  readonly said?: string | undefined
  /** Of its DTLS channel. */
  readonly cipher?: string
  /** What the client is told with the end, and how. */
  readonly text?: string
  readonly how?: DropHow
  readonly start?: TunnelStart
}

/** Moves sessions from state to state (`session-machine.ts`), and does what each move asks for. */
export class SessionMoves {
  constructor(private readonly parts: SessionMovesParts) {}

  move(record: SessionRecord, event: MachineEvent, particulars: Particulars = {}): void {
    const { clock, dataPlane, listeners, networks, totals } = this.parts
    const { machine, effects } = step(record.machine, event)
    if (machine === record.machine) return
    const instant = clock.instant()
    // Read before a tunnel goes.
    if (effects.some((effect) => effect.do === 'close' || effect.do === 'drop')) totals(record)
    record.machine = machine
    record.dtls = machine.phase === 'dtls' ? { version: DTLS_VERSION, cipher: particulars.cipher ?? '', since: instant.now } : undefined
    if (isUp(machine.phase)) record.idleSince = undefined
    else record.idleSince ??= instant.now
    if (event.type === 'down') record.wait(instant)
    else record.waitsUntil = undefined
    if (event.type === 'down') record.mtu = undefined
    if (event.type === 'down' && machine.tunnel === undefined) networks.stop(record)
    if (event.type === 'up') {
      record.connectedAt = instant.now
      record.looksAt = firstLook(record, instant.monotonic)
    }
    if (machine.phase !== 'ended') clock.schedule(record)
    // Nothing of the DTLS channel is in the row.
    if (event.type !== 'dtls-up' && event.type !== 'dtls-down') record.dirty = true
    for (const effect of effects) {
      switch (effect.do) {
        case 'close': dataPlane.drop(effect.tunnel, 'close', ''); break
        case 'drop': dataPlane.drop(effect.tunnel, particulars.how ?? 'disconnect', particulars.text ?? ''); break
        case 'promote': this.promote(record, effect.tunnel, particulars.start); break
        case 'tell-up': listeners.up(record); break
        case 'tell-dtls-up': listeners.dtlsUp(record); break
        case 'tell-dtls-down': listeners.dtlsDown(record, effect.reason); break
        case 'tell-failed': listeners.failed(record, effect.reason, this.noteEnd(record, effect.reason, event)); break
        case 'tell-down': listeners.down(record, effect.reason, this.noteEnd(record, effect.reason, event), particulars.said); break
        case 'tell-ended': this.finish(record, effect.cause, event.type === 'down'); break
      }
    }
  }

  private noteEnd(record: SessionRecord, reason: DownReason, event: MachineEvent): string {
    const text = downClause(event)
    record.lastEnd = { reason, at: this.parts.clock.instant().now, text }
    return text
  }

  private promote(record: SessionRecord, tunnel: TunnelHandle, start: TunnelStart | undefined): void {
    if (!start) throw new Error('a promotion needs its connection')
    const { connection, spec, head, early, seen } = start
    const offered = record.formerKey.offered(spec)
    record.spec = bareSpec(offered)
    this.parts.dataPlane.promote({ connection: connection.handle, tunnel, spec: offered, head, early, seen })
    spec.dtls?.masterSecret?.fill(0)
  }

  private finish(record: SessionRecord, cause: EndCause, nobodyWaits: boolean): void {
    const { audit, clock, index, keeper, lately, listeners, networks, totals } = this.parts
    index.delete(record)
    networks.forget(record)
    record.formerKey.wipe()
    clock.forget(record)
    const { id, user, claim, leases } = record
    lately.add({ id, user, cause })
    const alongside = (): void => auditEnd(audit, { id, user, cause }, { record, totals: totals(record) })
    if (nobodyWaits) keeper.buryLater(claim, leases, alongside)
    else keeper.bury(claim, leases, alongside)
    listeners.ended(record, cause)
  }
}
