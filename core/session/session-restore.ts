import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Policies, ResolvedPolicy } from '../policy/policy.ts'
import type { Claim, LoadedLeases } from './lease-book.ts'
import { SessionRecord, type SessionIdentity } from './session-record.ts'
import type { SessionRow } from './session-rows.ts'
import { sessionLimit } from './session-limit.ts'
import { SESSION_ENDS } from './end-reasons.ts'
import { unpackKeys, type StrapKeys } from './strap-keys.ts'
import type { Device, EndCause, EndedSession, Leases, Session } from './session.ts'

export const RESTORED_TEXT = 'the gateway was started again'

export interface Restored {
  readonly kept: readonly SessionRecord[]
  /** Rows that cannot go on: damaged, over, or their address is in no pool any more. */
  readonly lost: readonly { readonly claim: Claim; readonly leases: Leases; readonly ended?: EndedSession }[]
}
interface Source {
  readonly clock: Clock
  readonly log: Logger
  readonly policies: Policies
  readonly rows: readonly SessionRow[]
  readonly leases: LoadedLeases
}

/** Sessions as they were when the gateway went, whichever way it went: all of them wait for their clients. */
export function restoreSessions(source: Source): Restored {
  const kept: SessionRecord[] = []
  const lost: Restored['lost'][number][] = []
  for (const row of source.rows) {
    const leases = source.leases.held.get(row.id) ?? {}
    const record = restoreOne(row, leases, source)
    if (record instanceof SessionRecord) {
      kept.push(record)
      continue
    }
    source.log.info('session ended', { session: row.id, user: row.user, cause: record, why: SESSION_ENDS[record].said })
    lost.push({ claim: { session: row.id, owner: row.user, pool: '' }, leases, ended: { id: row.id, user: row.user, cause: record } })
  }
  const known = new Set(source.rows.map((row) => row.id))
  // A lease without its session: a crash of an older version, or a row taken out by hand.
  for (const [session, leases] of source.leases.held) if (!known.has(session)) lost.push({ claim: { session, owner: '', pool: '' }, leases })
  return { kept, lost }
}

function restoreOne(row: SessionRow, leases: Leases, { clock, policies, leases: { homeless } }: Source): SessionRecord | EndCause {
  let device: Device
  let stored: ResolvedPolicy
  let tls: Session['tls']
  let identity: SessionIdentity
  let strapKeys: StrapKeys
  try {
    device = JSON.parse(row.device) as Device
    stored = JSON.parse(row.policy ?? '') as ResolvedPolicy
    tls = row.tls === null ? undefined : (JSON.parse(row.tls) as Session['tls'])
    identity = row.identity === null ? { groups: [] } : (JSON.parse(row.identity) as SessionIdentity)
    strapKeys = unpackKeys(row.strap_keys)
  } catch {
    return 'damaged'
  }
  // Keys of the policy that came with a newer version get today's value.
  const today = policies.resolve({ user: row.user, group: row.grp, host: row.host ?? undefined })
  const policy = { values: { ...today.values, ...stored.values }, origins: { ...today.origins, ...stored.origins } }
  const hasLease = leases.ipv4 !== undefined || leases.ipv6 !== undefined
  if ((row.used === 1 && !hasLease) || homeless.has(row.id)) return 'lease-lost'
  // Leases are claimed by a CONNECT only.
  const used = hasLease
  const totals = {
    rxBytes: BigInt(row.rx_bytes), txBytes: BigInt(row.tx_bytes), rxPackets: BigInt(row.rx_packets), txPackets: BigInt(row.tx_packets),
    dtlsRxBytes: BigInt(row.dtls_rx_bytes), dtlsTxBytes: BigInt(row.dtls_tx_bytes), dtlsRxPackets: BigInt(row.dtls_rx_packets), dtlsTxPackets: BigInt(row.dtls_tx_packets),
  }
  const record = new SessionRecord({
    id: row.id, user: row.user, group: row.grp, host: row.host ?? undefined, device, policy, identity, strapKeys, keyId: row.key_id, peer: row.peer, createdAt: row.created_at,
    restored: { used, totals },
  })
  const [now, monotonic] = [clock.now(), clock.monotonic()]
  record.leases = leases
  record.tls = tls
  record.connectedAt = row.connected_at ?? undefined
  record.idleSince = row.waiting_since ?? now
  // A clock that went back since must not make a wait or a session longer than it may be.
  record.wait({ now, monotonic }, Math.max(now - record.idleSince, 0))
  record.note({ at: now, what: 'restored', text: RESTORED_TEXT })
  const limit = sessionLimit(row.created_at, policy.values, now)
  if (limit) {
    const left = limit.cause === 'hours' ? limit.at - now : Math.min(limit.at - now, policy.values.sessionTimeoutSec * 1000)
    if (left <= 0) return limit.cause
    record.limit({ now, monotonic }, left, limit.cause)
  }
  return record
}
