import type { DataPlane, DataPlaneHandler, DtlsDownReason, ListenAddress, TunnelDown, TunnelHandle } from '../dataplane.ts'
import type { Logger } from '../log.ts'
import { formatEndpoint } from '../net/address.ts'
import { goodbyeText, readGoodbye } from './end-reasons.ts'
import type { SessionKeeper } from './session-keeper.ts'
import type { SessionListeners } from './session-listeners.ts'
import type { SessionMoves } from './session-moves.ts'
import type { SessionRecord } from './session-record.ts'
import type { TunnelKeepalive } from './tunnel-keepalive.ts'

export interface TunnelReportsParts {
  readonly dataPlane: DataPlane
  readonly keepalive: TunnelKeepalive
  readonly keeper: SessionKeeper
  readonly listeners: SessionListeners
  readonly log: Logger
  readonly moves: SessionMoves
}
type OfTunnels = Pick<DataPlaneHandler, 'tunnelUp' | 'tunnelDown' | 'dtlsUp' | 'dtlsDown' | 'roamed' | 'silence' | 'pathMtu'>

/** What the data plane says of tunnels, for the sessions whose they are. Of one that is not known: nothing happens. */
export class TunnelReports implements OfTunnels {
  private readonly sessions = new Map<TunnelHandle, SessionRecord>()

  constructor(private readonly parts: TunnelReportsParts) {}

  /** About to be promoted; until its `tunnelDown` it is this session's, also when a newer one has taken over. */
  expect(tunnel: TunnelHandle, record: SessionRecord): void {
    this.sessions.set(tunnel, record)
  }

  tunnelUp(tunnel: TunnelHandle): void {
    const record = this.sessions.get(tunnel)
    if (!record) return
    const { dataPlane, moves } = this.parts
    if (record.machine.tunnel === tunnel) record.formerKey.keep((offer) => dataPlane.dtlsSecret(offer))
    moves.move(record, { type: 'up', tunnel })
  }

  dtlsUp(tunnel: TunnelHandle, cipher: string, former = false): void {
    const record = this.sessions.get(tunnel)
    if (!record) return
    record.formerKey.seen(former)
    this.parts.moves.move(record, { type: 'dtls-up', tunnel }, { cipher })
  }

  dtlsDown(tunnel: TunnelHandle, reason: DtlsDownReason): void {
    const record = this.sessions.get(tunnel)
    if (record) this.parts.moves.move(record, { type: 'dtls-down', tunnel, reason })
  }

  roamed(tunnel: TunnelHandle, peer: ListenAddress): void {
    const record = this.current(tunnel)
    if (!record) return
    const from = record.peer
    record.peer = formatEndpoint(peer.address, peer.port)
    record.dirty = true
    this.parts.listeners.roamed(record, from)
    this.parts.keepalive.follow(record)
  }

  silence(tunnel: TunnelHandle, seconds: number, survived: boolean): void {
    const record = this.sessions.get(tunnel)
    if (record?.spec?.learning) this.parts.keepalive.learn(record, { tunnel, seconds, survived })
  }

  pathMtu(tunnel: TunnelHandle, mtu: number): void {
    const record = this.current(tunnel)
    if (!record) return
    record.mtu = mtu
    this.parts.log.info('path mtu', { session: record.id, user: record.user, mtu })
  }

  tunnelDown(tunnel: TunnelHandle, down: TunnelDown): void {
    const record = this.sessions.get(tunnel)
    if (!record) return
    this.sessions.delete(tunnel)
    record.totals.ended(tunnel, down.counters)
    if (record.machine.tunnel === tunnel) record.inactivity.tunnelEnded(down.counters)
    const said = down.reason === 'peer-disconnect'
    const reason = record.sentRound === tunnel && down.reason === 'superseded' ? 'sent-round' : down.reason
    const event = { type: 'down', tunnel, reason, goodbye: said ? readGoodbye(down.detail) : undefined } as const
    this.parts.moves.move(record, event, { said: said ? goodbyeText(down.detail) : undefined })
    if (!record.ended) this.parts.keeper.save([record])
  }

  /** The session of a tunnel that none has followed. */
  private current(tunnel: TunnelHandle): SessionRecord | undefined {
    const record = this.sessions.get(tunnel)
    return record?.machine.tunnel === tunnel ? record : undefined
  }
}
