import type { ConnectRequest } from '../../core/api.ts'

const MASTER_SECRET = /^[0-9a-f]{96}$/i
/** No client offers more; what comes behind is not read. */
export const MAX_OFFERED = 128

/** What a client said of DTLS with CONNECT (reference/protocol sections 7.1 and 9.2, reference/cisco section 1). */
export interface DtlsRequest {
  /** Names of X-DTLS-CipherSuite and X-DTLS12-CipherSuite, as sent. */
  readonly offered: Readonly<Record<'X-DTLS-CipherSuite' | 'X-DTLS12-CipherSuite', readonly string[]>>
  /** 48 bytes, made anew at each call; undefined when there is none or it is malformed. */
  readonly masterSecret: () => Uint8Array | undefined
  /** Names of X-DTLS-Accept-Encoding, in lower case. */
  readonly encodings: readonly string[]
  /** Only approved suites, please. */
  readonly fips: boolean
}

const HTTPS_PORT = 443
/** Names the port it dialled in Host, unless that is 443 (reference/protocol section 2.1); of Cisco's clients nobody knows. */
const OPENCONNECT = /^(?:Open AnyConnect VPN Agent|AnyConnect-compatible OpenConnect VPN Agent)\b/

/**
 * The port that the client dialled, as far as its Host header tells: a NAT in front may map it to another one of ours, and the
 * UDP port of the same number with it.
 */
export function dialledPort({ headers }: ConnectRequest): number | undefined {
  const [host = ''] = headers.get('host') ?? []
  const [, name, digits] = /^([^:[\]]+|\[[^[\]]+\])(?::(\d{1,5}))?$/.exec(host.trim()) ?? []
  if (name === undefined) return undefined
  if (digits === undefined) return OPENCONNECT.test(headers.get('user-agent')?.[0] ?? '') ? HTTPS_PORT : undefined
  const port = Number(digits)
  return port > 0 && port < 65_536 ? port : undefined
}

/** X-DTLS-Header-Pad-Length is tolerated and means nothing here: records carry no pad. */
export function readDtlsRequest({ headers }: ConnectRequest): DtlsRequest {
  const names = (header: string, separator = ':'): readonly string[] =>
    (headers.get(header.toLowerCase()) ?? []).join(separator).split(separator, MAX_OFFERED).map((name) => name.trim()).filter((name) => name !== '')
  return {
    offered: { 'X-DTLS-CipherSuite': names('X-DTLS-CipherSuite'), 'X-DTLS12-CipherSuite': names('X-DTLS12-CipherSuite') },
    masterSecret: () => {
      const [secret = '', ...more] = new Set((headers.get('x-dtls-master-secret') ?? []).map((value) => value.trim()))
      return more.length === 0 && MASTER_SECRET.test(secret) ? Buffer.from(secret, 'hex') : undefined
    },
    encodings: names('X-DTLS-Accept-Encoding', ',').map((name) => name.toLowerCase()),
    fips: headers.get('x-cstp-fips-mode')?.some((value) => value.trim().toLowerCase() === 'enabled') ?? false,
  }
}
