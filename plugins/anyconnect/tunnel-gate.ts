import { randomBytes } from 'node:crypto'
import { GatewayError, type Clock, type Logger, type Negotiator, type Sessions } from '../../core/api.ts'
import type { ConnectionDuplex } from './connection-duplex.ts'
import { readConnectRequest } from './connect-request.ts'
import type { Counters } from './counters.ts'
import { head, refusalHead } from './headers.ts'
import { negotiate, tunnelWishes } from './negotiate.ts'
import { PacedLog } from './paced-log.ts'
import { BUSY_GATEWAY_TEXT, COOKIE_TEXT, POOL_TEXT } from './texts.ts'

export interface TunnelGateParts {
  readonly sessions: Sessions
  readonly clock: Clock
  readonly log: Logger
  readonly counters: Counters
  readonly gatewayName: string
  readonly negotiators: () => readonly Negotiator[]
}

/**
 * CONNECT: from the cookie to the tunnel. A dead cookie is 401, which ends the client; what may pass is 503, after which it
 * tries again (reference/protocol section 6).
 */
export class TunnelGate {
  private readonly refusals: PacedLog
  private readonly shortages: PacedLog

  constructor(private readonly parts: TunnelGateParts) {
    const { clock, log } = parts
    this.refusals = new PacedLog(clock, (fields) => log.info('tunnel refused', fields))
    this.shortages = new PacedLog(clock, (fields) => log.warn('tunnel refused', fields))
  }

  /** `duplex` is held already. All of it happens within the call, so two CONNECTs with one cookie come one after the other. */
  connect(rawHeaders: readonly string[], duplex: ConnectionDuplex, early: Uint8Array): void {
    const { sessions, clock, log, counters } = this.parts
    const request = readConnectRequest(rawHeaders, duplex.info)
    const peer = duplex.info.peer.address
    const found = request.cookie === undefined ? { refused: 'absent' as const } : sessions.byCookie(request.cookie)
    if ('refused' in found) {
      this.refusals.line({ reason: `cookie ${found.refused}`, peer })
      this.refuse(duplex, `401 ${COOKIE_TEXT}`, COOKIE_TEXT)
      return
    }
    const { session } = found
    try {
      const contributions = this.parts.negotiators().map((negotiator) => negotiator.negotiate(request, session))
      const { mtu, families } = tunnelWishes(request, session.policy.values, contributions)
      const leases = sessions.claimLeases(session, families)
      if (!leases.ipv4 && !leases.ipv6) {
        this.shortages.line({ reason: 'no address of a family the client can use', session: session.id, peer })
        this.refuse(duplex, '503 Service Unavailable', POOL_TEXT)
        return
      }
      const { headers, spec } = negotiate({ request, session, leases, mtu, gatewayName: this.parts.gatewayName, now: clock.now(), contributions })
      const taken = duplex.takeUnread(early)
      sessions.startTunnel({ session, connection: duplex.info, spec, head: head('200 OK', headers), early: taken.early, seen: taken.seen })
      counters.tunnels++
      duplex.detach()
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'POOL_EXHAUSTED') {
        this.shortages.line({ reason: error.message, session: session.id, peer })
        this.refuse(duplex, '503 Service Unavailable', POOL_TEXT)
        return
      }
      const errorId = randomBytes(4).toString('hex')
      log.error('tunnel refused', { errorId, session: session.id, peer, error })
      this.refuse(duplex, '503 Service Unavailable', `${BUSY_GATEWAY_TEXT} (${errorId})`)
    }
  }

  private refuse(duplex: ConnectionDuplex, status: string, reason: string): void {
    this.parts.counters.tunnelsRefused++
    duplex.end(refusalHead(status, [['X-Reason', reason]]))
    duplex.destroySoon()
  }
}
