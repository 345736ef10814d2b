import { randomBytes } from 'node:crypto'
import { endpointAddress, GatewayError, type Audit, type Clock, type Logger, type Negotiator, type Sessions } from '../../core/api.ts'
import { readConnectRequest } from './connect-request.ts'
import type { Counters } from './counters.ts'
import { head, refusalHead } from './headers.ts'
import { negotiate, tunnelWishes } from './negotiate.ts'
import { PacedLog } from './paced-log.ts'
import type { PortConnection } from './port-connection.ts'
import { cookieRefusal, TUNNEL_REFUSALS, type TunnelRefusal } from './refusals.ts'
import type { RequestHead } from './request-head.ts'
import { judgeProof, type StrapMode } from './strap.ts'
import type { VirtualHosts } from './virtual-hosts.ts'

export interface TunnelGateParts {
  readonly sessions: Sessions
  readonly audit: Audit
  readonly clock: Clock
  readonly log: Logger
  readonly counters: Counters
  readonly hosts: Pick<VirtualHosts, 'publicName'>
  /** A number from 0 to 1. */
  readonly random: () => number
  readonly strap: () => StrapMode
  readonly negotiators: () => readonly Negotiator[]
}

/**
 * CONNECT: from the cookie to the tunnel. A dead cookie is 401, which ends the client; what may pass is 503, after which it
 * tries again (reference/protocol section 6).
 */
export class TunnelGate {
  private readonly refusals: PacedLog
  private readonly shortages: PacedLog
  private readonly thefts: PacedLog

  constructor(private readonly parts: TunnelGateParts) {
    const { audit, clock, log } = parts
    this.refusals = new PacedLog(clock, (fields) => log.info('tunnel refused', fields))
    this.shortages = new PacedLog(clock, (fields) => log.warn('tunnel refused', fields))
    this.thefts = new PacedLog(clock, ({ reason, session, user, peer, ...more }) => {
      log.warn('tunnel refused', { reason, session, user, peer, ...more })
      audit.record({ action: 'session.proof', actor: String(user), subject: String(session), peer: String(peer), ok: false, detail: String(reason) })
    })
  }

  /** All of it happens within the call, so two CONNECTs with one cookie come one after the other. */
  connect({ headers: sent }: RequestHead, connection: PortConnection, early: Uint8Array): void {
    const { sessions, clock, log, counters } = this.parts
    const request = readConnectRequest(sent, connection.info)
    const peer = connection.info.peer.address
    const found = request.cookie === undefined ? { refused: 'absent' as const, ended: undefined } : sessions.byCookie(request.cookie)
    if ('refused' in found) {
      const { refused, ended } = found
      this.refusals.line({ reason: `cookie ${refused}`, peer, ...(ended && { session: ended.id, user: ended.user, ended: ended.cause }) })
      this.refuse(connection, cookieRefusal(found))
      return
    }
    const { session } = found
    if (session.policy.values.denyRoaming && endpointAddress(session.peer) !== peer) {
      this.refusals.line({ reason: 'deny-roaming', session: session.id, user: session.user, from: endpointAddress(session.peer), peer })
      this.refuse(connection, TUNNEL_REFUSALS.roaming)
      return
    }
    const proof = judgeProof(this.parts.strap(), session.strapKeys ?? [], sent, connection.info.channelBindings)
    if (proof.kind === 'refused') {
      this.thefts.line({ reason: proof.why, session: session.id, user: session.user, peer })
      this.refuse(connection, TUNNEL_REFUSALS.proof)
      return
    }
    try {
      // The client has left its former key behind, whatever becomes of this request.
      if (proof.kind === 'proved') sessions.followStrapKey(session, proof.next)
      const contributions = this.parts.negotiators().map((negotiator) => negotiator.negotiate(request, session))
      const { mtu, families } = tunnelWishes(request, session.policy.values, contributions)
      const leases = sessions.claimLeases(session, families)
      if (!leases.ipv4 && !leases.ipv6) {
        this.shortages.line({ reason: 'no address of a family the client can use', session: session.id, peer })
        this.refuse(connection, TUNNEL_REFUSALS['no-address'])
        return
      }
      const { headers, spec } = negotiate({ request, session, leases, mtu, gatewayName: this.parts.hosts.publicName(session.host), now: clock.now(), contributions, keepalive: sessions.keepalive(session, peer), spread: this.parts.random() })
      sessions.startTunnel({ session, connection: connection.info, spec, head: head('200 OK', headers), early, seen: connection.seen })
      counters.tunnels++
      connection.detach()
    } catch (error) {
      if (error instanceof GatewayError && (error.code === 'POOL_EXHAUSTED' || error.code === 'ADDRESS_UNAVAILABLE')) {
        this.shortages.line({ reason: error.message, session: session.id, peer })
        this.refuse(connection, TUNNEL_REFUSALS['no-address'])
        return
      }
      if (error instanceof GatewayError && error.code === 'SESSION_CONTESTED') {
        // Not 401: the client that is right could be the one that comes now.
        this.refusals.line({ reason: error.message, session: session.id, peer })
        this.refuse(connection, TUNNEL_REFUSALS.contested)
        return
      }
      const errorId = randomBytes(4).toString('hex')
      log.error('tunnel refused', { errorId, session: session.id, peer, error })
      this.refuse(connection, TUNNEL_REFUSALS.unavailable, ` (${errorId})`)
    }
  }

  private refuse(connection: PortConnection, { status, text }: TunnelRefusal, detail = ''): void {
    this.parts.counters.tunnelsRefused++
    connection.end(refusalHead(status, [['X-Reason', text + detail]]))
  }
}
