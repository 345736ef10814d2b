import { RESTORED_TEXT } from './session-restore.ts'
import type { Session, Sessions } from './session.ts'

const time = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString())

/** One entry of `session list --json`: documented, stable (reference configuration, section 2). */
export function sessionJson(session: Session, sessions: Sessions) {
  const { rxBytes, txBytes } = sessions.counters(session)
  return {
    id: session.id,
    user: session.user,
    group: session.group,
    state: session.state,
    ipv4: session.leases.ipv4?.address ?? null,
    ipv6: session.leases.ipv6?.address ?? null,
    peer: session.peer,
    agent: session.device.agent,
    tls: session.tls ? { version: session.tls.version, cipher: session.tls.cipher } : null,
    dtls: session.dtls ? { version: session.dtls.version, cipher: session.dtls.cipher } : null,
    createdAt: time(session.createdAt),
    connectedAt: time(session.connectedAt),
    rxBytes: Number(rxBytes),
    txBytes: Number(txBytes),
    idleSince: time(session.idleSince),
  }
}
export type SessionJson = ReturnType<typeof sessionJson>

/** What one level has carried, bytes and packets of inner IP. */
const carried = (rxBytes: bigint, txBytes: bigint, rxPackets: bigint, txPackets: bigint) => ({
  rxBytes: Number(rxBytes), txBytes: Number(txBytes), rxPackets: Number(rxPackets), txPackets: Number(txPackets),
})

/** Why there is no tunnel, in one clause. */
function waitReason({ lastEnd, history }: Session): string {
  if (lastEnd) return lastEnd.text
  return history.some(({ what }) => what === 'restored') ? RESTORED_TEXT : 'no CONNECT has come after the login'
}

/**
 * What `session show` has beyond the list: device, limits, and the three levels (requirement D01). Traffic is counted over
 * all tunnels of the session; that of the Parent-Tunnel is the sum of the two below it.
 */
export function sessionDetailJson(session: Session, sessions: Sessions) {
  const brief = sessionJson(session, sessions)
  const all = sessions.counters(session)
  const { platform, hostname, uniqueId, mobile } = session.device
  return {
    ...brief,
    rxPackets: Number(all.rxPackets),
    txPackets: Number(all.txPackets),
    mtu: session.mtu ?? null,
    expiresAt: time(session.expiresAt),
    device: { platform: platform ?? null, hostname: hostname ?? null, uniqueId: uniqueId ?? null, mobile },
    pool: session.policy.values.pool,
    host: session.host ?? null,
    networks: session.networks ?? [],
    tunnels: session.tunnels,
    lastEnd: session.lastEnd ? { reason: session.lastEnd.reason, text: session.lastEnd.text, at: time(session.lastEnd.at) } : null,
    waits: session.state === 'waiting' ? { why: waitReason(session), since: brief.idleSince, until: time(session.waitsUntil) } : null,
    history: session.history.map(({ at, what, reason, text }) => ({ at: time(at), what, reason: reason ?? null, text })),
    // Seconds of silence on the DTLS channel before the gateway speaks, and where that was learned.
    keepalive: session.keepalive
      ? { seconds: session.keepalive.probeSec, network: session.keepalive.network, settled: session.keepalive.settled }
      : { seconds: session.policy.values.keepaliveSec, network: null, settled: null },
    levels: [
      { level: 'Parent-Tunnel', state: 'up', protocol: null, cipher: null, since: brief.createdAt, ...carried(all.rxBytes, all.txBytes, all.rxPackets, all.txPackets) },
      {
        level: 'SSL-Tunnel',
        ...(session.state === 'waiting'
          ? { state: 'down', protocol: null, cipher: null, since: brief.idleSince }
          : { state: 'up', protocol: brief.tls?.version ?? null, cipher: brief.tls?.cipher ?? null, since: brief.connectedAt }),
        ...carried(all.rxBytes - all.dtlsRxBytes, all.txBytes - all.dtlsTxBytes, all.rxPackets - all.dtlsRxPackets, all.txPackets - all.dtlsTxPackets),
      },
      {
        level: 'DTLS-Tunnel',
        ...(session.dtls
          ? { state: 'up', protocol: session.dtls.version, cipher: session.dtls.cipher, since: time(session.dtls.since) }
          : { state: 'down', protocol: null, cipher: null, since: null }),
        ...carried(all.dtlsRxBytes, all.dtlsTxBytes, all.dtlsRxPackets, all.dtlsTxPackets),
      },
    ],
  }
}
