import type { ConnectionHandle, ConnectRequest, DtlsOffer, Logger, OpenInfo, Session, TunnelSpec } from '../../core/api.ts'
import { testDirectory } from '../../core/testing.ts'
import { ChannelIds } from './channel-ids.ts'
import { DtlsNegotiator } from './negotiator.ts'
import { suiteOrder } from './suite.ts'

export const SECRET = 'Ab'.repeat(48)
export const UDP = { address: '0.0.0.0', port: 443 }
type Lines = Readonly<Record<string, string | readonly string[]>>

/** DTLS headers of CONNECT as clients send them (reference/protocol 9.2, reference/cisco 1 and 5; those marked so are by reading). */
export const CLIENTS = {
  'openconnect 9.01, GnuTLS': {
    'X-DTLS-CipherSuite': 'PSK-NEGOTIATE:OC-DTLS1_2-AES256-GCM:OC2-DTLS1_2-CHACHA20-POLY1305:OC-DTLS1_2-AES128-GCM:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA',
    'X-DTLS12-CipherSuite': 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA',
    'X-DTLS-Accept-Encoding': 'oc-lz4,lzs',
    'X-DTLS-Master-Secret': SECRET,
  },
  // By reading openssl-dtls.c.
  'openconnect, OpenSSL': {
    'X-DTLS-CipherSuite': 'PSK-NEGOTIATE:OC-DTLS1_2-AES256-GCM:OC-DTLS1_2-AES128-GCM:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA:DES-CBC3-SHA',
    'X-DTLS12-CipherSuite': 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256:AES256-SHA:AES128-SHA:DES-CBC3-SHA',
    'X-DTLS-Accept-Encoding': 'oc-lz4,lzs',
    'X-DTLS-Master-Secret': SECRET,
  },
  // By reading, version 7.06: no pre-shared key and no X-DTLS12-CipherSuite yet.
  'openconnect 7.06': {
    'X-DTLS-CipherSuite': 'OC-DTLS1_2-AES256-GCM:OC-DTLS1_2-AES128-GCM:AES256-SHA:AES128-SHA:DES-CBC3-SHA:DES-CBC-SHA',
    'X-DTLS-Master-Secret': SECRET,
  },
  'Windows 5.1': {
    'X-DTLS-CipherSuite': 'DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-SHA256:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA',
    'X-DTLS-Accept-Encoding': 'lzs',
    'X-DTLS12-CipherSuite':
      'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-SHA256:AES256-GCM-SHA384:AES256-SHA256:AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:AES128-GCM-SHA256:AES128-SHA256:AES128-SHA',
    'X-DTLS-Header-Pad-Length': '0',
    'X-DTLS-Master-Secret': SECRET,
  },
  // The lists of 4.7: 5.1's and two more names.
  'macOS 4.10': {
    'X-DTLS-CipherSuite': 'DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA:DES-CBC3-SHA',
    'X-DTLS-Accept-Encoding': 'lzs',
    'X-DTLS12-CipherSuite':
      'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA:AES256-GCM-SHA384:AES256-SHA256:AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:AES128-GCM-SHA256:AES128-SHA256:AES128-SHA:DES-CBC3-SHA',
    'X-DTLS-Header-Pad-Length': '0',
    'X-DTLS-Master-Secret': SECRET,
  },
  // Phones: the same names, each header twice as in the recording of iOS 4.0.
  'iOS 5.1': {
    'X-DTLS-CipherSuite': ['DHE-RSA-AES256-GCM-SHA384:AES256-SHA:AES128-SHA', 'DHE-RSA-AES256-GCM-SHA384:AES256-SHA:AES128-SHA'],
    'X-DTLS12-CipherSuite': ['ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256'],
    'X-DTLS-Header-Pad-Length': '0',
    'X-DTLS-Master-Secret': [SECRET, SECRET],
  },
  'Android 5.1': {
    'X-DTLS-CipherSuite': 'DHE-RSA-AES256-GCM-SHA384:AES256-SHA:AES128-SHA',
    'X-DTLS12-CipherSuite': 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
    'X-DTLS-Header-Pad-Length': '0',
    'X-DTLS-Master-Secret': SECRET.toLowerCase(),
  },
  'AnyConnect 3.1': {
    'X-DTLS-CipherSuite': 'AES256-SHA:AES128-SHA:DES-CBC3-SHA:DES-CBC-SHA',
    'X-DTLS-Master-Secret': SECRET,
  },
} as const satisfies Readonly<Record<string, Lines>>

export function connectRequest(headers: Lines, port = 443): ConnectRequest {
  return {
    headers: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? [value] : value])),
    connection: {
      handle: 1 as ConnectionHandle, peer: { address: '192.0.2.7', port: 5000 }, local: { address: '192.0.2.1', port },
      tlsVersion: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', channelBindings: [], peerCertificates: [], verifyResult: 0,
    },
  }
}
export const session = (id = 'a'.repeat(26), compression = false): Session => ({ id, user: 'bob', policy: { values: { compression, dtls: true } } }) as Session

export class LineLog implements Logger {
  readonly lines: string[] = []
  private readonly write = (message: string, fields?: unknown): void => void this.lines.push(`${message} ${JSON.stringify(fields ?? {})}`)
  readonly error = this.write
  readonly warn = this.write
  readonly info = this.write
  readonly debug = this.write
  child = (): Logger => this
}

export { testDirectory as directory }

export interface Answer {
  readonly headers: readonly (readonly [string, string])[]
  readonly offer: DtlsOffer | undefined
  readonly compression: TunnelSpec['compression']
  readonly overhead: number | undefined
  readonly log: LineLog
}
export interface AnswerOptions {
  readonly ciphers?: readonly string[]
  readonly aesIsFast?: boolean
  readonly udp?: OpenInfo['udp']
  readonly port?: number
  readonly session?: Session
  readonly directory?: string
}
export const TUNNEL: TunnelSpec = { mtu: 1390, dpdSec: 30, dpdRetries: 3, keepaliveSec: 20 }

/** What the gateway answers to a CONNECT with these headers. */
export const answer = (lines: Lines, options: AnswerOptions = {}): Answer => answerTo(connectRequest(lines, options.port), options)

export function answerTo(request: ConnectRequest, options: AnswerOptions = {}): Answer {
  const log = new LineLog()
  const negotiator = new DtlsNegotiator((aesIsFast) => suiteOrder(options.ciphers ?? [], aesIsFast), new ChannelIds(options.directory ?? testDirectory(), log), log)
  negotiator.deviceUp({ udp: options.udp ?? [UDP], aesIsFast: options.aesIsFast ?? true } as unknown as OpenInfo)
  log.lines.length = 0
  const { headers, tunnel, overhead } = negotiator.negotiate(request, options.session ?? session())
  return { headers: typeof headers === 'function' ? headers(TUNNEL, TUNNEL) : headers, offer: tunnel?.dtls, compression: tunnel?.compression, overhead, log }
}
