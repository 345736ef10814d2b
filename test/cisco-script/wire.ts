/** One connection of a scripted client: bytes both ways, over TLS or in memory. */
import { createHash } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import type { FakeClient, FakeDataPlane, FakePeer } from '../../native/fake.ts'

export interface Wire {
  write(bytes: Uint8Array | string): void
  /** The next bytes; undefined after the end. */
  read(): Promise<Buffer | undefined>
  close(): void
  /** SHA-1 of the leaf that the gateway showed, upper-case hex; undefined where there is no TLS. */
  readonly leafSha1: string | undefined
}
export type Dial = () => Promise<Wire>

/** Suites of Secure Client 5.1 (reference/cisco section 5). */
const CIPHERS =
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384:DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:DHE-RSA-AES128-GCM-SHA256:AES128-SHA'
const SIGNATURES =
  'ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512'

export interface TlsTarget {
  readonly host: string
  readonly port: number
  readonly serverName?: string
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
  readonly localAddress?: string
}

/** The handshake of a Cisco client against a real gateway; certificates are not verified, their hash is given. */
export const tlsDial = (target: TlsTarget): Dial => () =>
  new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({
      host: target.host, port: target.port, rejectUnauthorized: false, minVersion: 'TLSv1.2', maxVersion: target.maxVersion ?? 'TLSv1.3', ciphers: CIPHERS, sigalgs: SIGNATURES,
      ...(target.serverName === undefined ? {} : { servername: target.serverName }),
      ...(target.localAddress === undefined ? {} : { localAddress: target.localAddress }),
    })
    socket.setNoDelay(true)
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      const inbox = new Inbox()
      socket.on('data', (bytes: Buffer) => inbox.put(bytes))
      socket.on('error', () => inbox.end())
      socket.on('close', () => inbox.end())
      const { raw } = socket.getPeerCertificate()
      resolve({
        write: (bytes) => void socket.write(bytes),
        read: () => inbox.take(),
        close: () => void socket.destroy(),
        leafSha1: createHash('sha1').update(raw).digest('hex').toUpperCase(),
      })
    })
  })

/** The same on the data plane in memory. */
export const fakeDial = (plane: FakeDataPlane, peer?: FakePeer): Dial => async () => {
  const client: FakeClient = plane.connect(peer)
  const inbox = new Inbox()
  client.onData((bytes) => inbox.put(bytes))
  return {
    write: (bytes) => client.write(bytes),
    read: async () => {
      for (let turn = 0; turn < 100 && inbox.empty; turn++) {
        await plane.settled()
        if (client.ended) inbox.end()
      }
      return inbox.take()
    },
    close: () => client.end(),
    leafSha1: undefined,
  }
}

class Inbox {
  private readonly chunks: Buffer[] = []
  private ended = false
  private waiting: ((bytes: Buffer | undefined) => void) | undefined

  get empty(): boolean {
    return this.chunks.length === 0 && !this.ended
  }
  put(bytes: Buffer): void {
    const waiting = this.waiting
    this.waiting = undefined
    if (waiting) waiting(bytes)
    else this.chunks.push(bytes)
  }
  end(): void {
    this.ended = true
    this.waiting?.(undefined)
    this.waiting = undefined
  }
  take(): Promise<Buffer | undefined> {
    const next = this.chunks.shift()
    if (next || this.ended) return Promise.resolve(next)
    return new Promise((resolve) => { this.waiting = resolve })
  }
}
