import { headerOf, type HeaderLine } from './http-exchange.ts'

/** What the ClientHello of a Cisco client is made of. */
export interface CiscoHello {
  /** 32 bytes. */
  readonly id: Buffer
  /** 48 bytes. */
  readonly masterSecret: Buffer
  /** The only one offered; OpenSSL's name. */
  readonly suite: string
  readonly port: number
  /** Newer OpenSSL inside the client offers extended master secret (reference/cisco section 5). */
  readonly ems: boolean
}
export interface DtlsFrame {
  readonly type: number
  readonly payload: Buffer
}
/** The channel after its handshake: types as in CSTP. */
export interface CiscoDtls {
  send(type: number, payload?: Uint8Array): void
  /** undefined when nothing comes. */
  receive(): Promise<DtlsFrame | undefined>
  close(): void
}
/** undefined when the handshake leads nowhere; a client repeats it every few seconds and stays on TLS. */
export type DialDtls = (hello: CiscoHello) => Promise<CiscoDtls | undefined>

/** The values of an answer that have to be the same at every CONNECT, or the client starts all over (reference/cisco section 5). */
export const STABLE_DTLS = ['X-DTLS-Session-ID', 'X-DTLS-Port', 'X-DTLS-MTU', 'X-DTLS12-CipherSuite', 'X-DTLS-DPD', 'X-DTLS-Keepalive'] as const

/** Everything in a CONNECT answer for which a Cisco client would not come to DTLS, one line each. `sent`: its own headers. */
export function dtlsProblems(headers: readonly HeaderLine[], sent: readonly HeaderLine[]): readonly string[] {
  const problems: string[] = []
  const one = (name: string): string | undefined => headerOf({ headers }, name)
  const suites = (headerOf({ headers: sent }, 'X-DTLS12-CipherSuite') ?? '').split(':')
  const suite = one('X-DTLS12-CipherSuite')
  if (!/^[0-9a-fA-F]{64}$/.test(one('X-DTLS-Session-ID') ?? '')) problems.push('X-DTLS-Session-ID')
  if (!/^[1-9]\d{0,4}$/.test(one('X-DTLS-Port') ?? '')) problems.push('X-DTLS-Port')
  if (suite === undefined || !suites.includes(suite)) problems.push(`X-DTLS12-CipherSuite: ${suite} was not offered`)
  if (suite?.includes('ECDSA')) problems.push('an ECDSA suite')
  if (one('X-DTLS-CipherSuite') !== undefined) problems.push('X-DTLS-CipherSuite beside X-DTLS12-CipherSuite')
  if (one('X-DTLS-App-ID') !== undefined) problems.push('X-DTLS-App-ID is for pre-shared keys')
  if (one('X-DTLS-MTU') !== one('X-CSTP-MTU')) problems.push(`X-DTLS-MTU ${one('X-DTLS-MTU')} is not X-CSTP-MTU ${one('X-CSTP-MTU')}`)
  for (const name of ['X-DTLS-DPD', 'X-DTLS-Keepalive']) if (!/^\d+$/.test(one(name) ?? '')) problems.push(name)
  if (one('X-DTLS-Content-Encoding') !== undefined) problems.push('compression')
  if (one('X-DTLS-Rekey-Method') !== undefined && one('X-DTLS-Rekey-Method') !== 'new-tunnel') problems.push('X-DTLS-Rekey-Method')
  return problems
}
