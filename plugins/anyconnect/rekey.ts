import type { Policy } from '../../core/api.ts'
import type { Header } from './headers.ts'

/** Told when the client has nothing to do, because `none` makes clients refuse the whole answer (reference/cisco section 3). */
const NEVER_SEC = 365 * 86_400
/** A crowd that came back together, after a restart of the gateway, must not rekey together for ever after. */
const SPREAD = 0.1

/**
 * Who makes new keys, and how often (reference/protocol section 11). `new-tunnel`: the client, by a new connection with its
 * cookie. `ssl`: the gateway, unseen, which takes TLS 1.3; the client is told a year. `spread`: 0 to 1, drawn for each tunnel.
 * `ssl` is never told: on TLS 1.2 it means a renegotiation, which is refused.
 */
export function rekeying({ rekeyTimeSec, rekeyMethod }: Pick<Policy, 'rekeyTimeSec' | 'rekeyMethod'>, tlsVersion: string, spread: number): { readonly headers: readonly Header[]; readonly rekeySec: number } {
  const everySec = Math.round(rekeyTimeSec * (1 - SPREAD * spread))
  const ours = rekeyMethod === 'ssl' && tlsVersion === 'TLSv1.3'
  return {
    headers: [
      ['X-CSTP-Rekey-Time', String(ours || everySec === 0 ? NEVER_SEC : everySec)],
      ['X-CSTP-Rekey-Method', 'new-tunnel'],
    ],
    rekeySec: ours ? everySec : 0,
  }
}
