import type { DtlsDownReason, TunnelHandle } from '../dataplane.ts'
import type { Goodbye } from './end-reasons.ts'
import type { DownReason, EndCause, TunnelEndReason } from './session.ts'

/**
 * The life of one session as a table: pure, no clock, no I/O.
 *
 *              start          up     dtls-up  dtls-down  down (current)      end
 *   unused     connecting     -      -        -          -                   ended
 *   waiting    connecting     -      -        -          -                   ended
 *   connecting connecting*    tls    -        -          waiting | ended**   ended
 *   tls        connecting*    -      dtls     -          waiting | ended**   ended
 *   dtls       connecting*    -      -        tls        waiting | ended**   ended
 *   ended      -              -      -        -          -                   -
 *
 * `*` the older tunnel is closed first, the newest wins; `**` the user quit. A report about a tunnel that is not the
 * current one changes nothing. The DTLS channel goes with its tunnel: of the two, the tunnel's end alone is told.
 *
 * Why it moves (the words are those of `end-reasons.ts`):
 *
 *   tls, dtls  -> connecting   superseded; sent-round when the gateway had closed it for that
 *   connecting -> waiting      what the data plane says: gone, eof, tls, frame, dpd, rekey, stopped ...
 *   tls, dtls  -> waiting      likewise; peer-disconnect when the client means to come back
 *   tls, dtls  -> ended        user: its goodbye was `quit`; the cause of `end` otherwise
 *   dtls       -> tls          closed, dpd, replaced, forged, withdrawn, unreachable, rekey
 */
export type Phase = 'unused' | 'waiting' | 'connecting' | 'tls' | 'dtls' | 'ended'
export interface Machine {
  readonly phase: Phase
  /** The one tunnel of a session: there in `connecting`, `tls` and `dtls`, and only there. */
  readonly tunnel: TunnelHandle | undefined
}
export type MachineEvent =
  /** `over`: why the tunnel before it ends, if there is one. */
  | { readonly type: 'start'; readonly tunnel: TunnelHandle; readonly over: 'superseded' | 'sent-round' }
  | { readonly type: 'up'; readonly tunnel: TunnelHandle }
  | { readonly type: 'dtls-up'; readonly tunnel: TunnelHandle }
  | { readonly type: 'dtls-down'; readonly tunnel: TunnelHandle; readonly reason: DtlsDownReason }
  | { readonly type: 'down'; readonly tunnel: TunnelHandle; readonly reason: TunnelEndReason; readonly goodbye?: Goodbye | undefined }
  | { readonly type: 'end'; readonly cause: EndCause }

/** What has to be done, in this order. */
export type Effect =
  | { readonly do: 'close'; readonly tunnel: TunnelHandle } // superseded
  | { readonly do: 'drop'; readonly tunnel: TunnelHandle } // for good
  | { readonly do: 'promote'; readonly tunnel: TunnelHandle }
  | { readonly do: 'tell-up' }
  | { readonly do: 'tell-dtls-up' }
  | { readonly do: 'tell-dtls-down'; readonly reason: DtlsDownReason }
  | { readonly do: 'tell-failed'; readonly reason: TunnelEndReason } // it never came up
  | { readonly do: 'tell-down'; readonly reason: DownReason }
  | { readonly do: 'tell-ended'; readonly cause: EndCause }

export const NEW_MACHINE: Machine = { phase: 'unused', tunnel: undefined }
export const RESTORED_MACHINE: Machine = { phase: 'waiting', tunnel: undefined }

/** Has the client its tunnel? */
export const isUp = (phase: Phase): phase is 'tls' | 'dtls' => phase === 'tls' || phase === 'dtls'

export function step(machine: Machine, event: MachineEvent): { readonly machine: Machine; readonly effects: readonly Effect[] } {
  const { phase, tunnel } = machine
  const unchanged = { machine, effects: [] }
  if (phase === 'ended') return unchanged
  const down = (reason: DownReason): readonly Effect[] => (isUp(phase) ? [{ do: 'tell-down', reason }] : [])
  switch (event.type) {
    case 'start': {
      const closed: readonly Effect[] = tunnel === undefined ? [] : [{ do: 'close', tunnel }]
      return { machine: { phase: 'connecting', tunnel: event.tunnel }, effects: [...closed, ...down(event.over), { do: 'promote', tunnel: event.tunnel }] }
    }
    case 'up':
      if (phase !== 'connecting' || event.tunnel !== tunnel) return unchanged
      return { machine: { phase: 'tls', tunnel }, effects: [{ do: 'tell-up' }] }
    case 'dtls-up':
      if (phase !== 'tls' || event.tunnel !== tunnel) return unchanged
      return { machine: { phase: 'dtls', tunnel }, effects: [{ do: 'tell-dtls-up' }] }
    case 'dtls-down':
      if (phase !== 'dtls' || event.tunnel !== tunnel) return unchanged
      return { machine: { phase: 'tls', tunnel }, effects: [{ do: 'tell-dtls-down', reason: event.reason }] }
    case 'down':
      if (event.tunnel !== tunnel) return unchanged
      if (event.goodbye === 'quit') return { machine: { phase: 'ended', tunnel: undefined }, effects: [...down('user'), { do: 'tell-ended', cause: 'user' }] }
      return { machine: { phase: 'waiting', tunnel: undefined }, effects: isUp(phase) ? down(event.reason) : [{ do: 'tell-failed', reason: event.reason }] }
    case 'end': {
      const dropped: readonly Effect[] = tunnel === undefined ? [] : [{ do: 'drop', tunnel }]
      return { machine: { phase: 'ended', tunnel: undefined }, effects: [...dropped, ...down(event.cause), { do: 'tell-ended', cause: event.cause }] }
    }
  }
}
