/** One connection of a scripted client: bytes both ways, over TLS or in memory. */
import { createHash } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import type { DialDtls } from './dtls-step.ts'
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

/** What a Cisco client offers in its handshake; certificates are not verified, their hash is given. */
export const CISCO_TLS = { ciphers: CIPHERS, sigalgs: SIGNATURES, minVersion: 'TLSv1.2', rejectUnauthorized: false } as const

/** A connection whose handshake is done. */
export function tlsWire(socket: TLSSocket): Wire {
  const inbox = new Inbox()
  socket.setNoDelay(true)
  socket.on('data', (bytes: Buffer) => inbox.put(bytes))
  socket.on('error', () => inbox.end())
  socket.on('close', () => inbox.end())
  return {
    write: (bytes) => void socket.write(bytes),
    read: () => inbox.take(),
    close: () => void socket.end(() => socket.destroy()),
    leafSha1: createHash('sha1').update(socket.getPeerCertificate().raw).digest('hex').toUpperCase(),
  }
}

/** Against a gateway that this process can reach. */
export const tlsDial = (target: TlsTarget): Dial => () =>
  new Promise((resolve, reject) => {
    const { host, port, serverName, maxVersion, localAddress } = target
    const socket = connect({
      ...CISCO_TLS, host, port,
      ...(maxVersion === undefined ? {} : { maxVersion }), ...(serverName === undefined ? {} : { servername: serverName }), ...(localAddress === undefined ? {} : { localAddress }),
    })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      resolve(tlsWire(socket))
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

/** DTLS on the data plane in memory. */
export const fakeDialDtls = (plane: FakeDataPlane): DialDtls => async ({ id, masterSecret, suite, port }) => {
  const channel = plane.openSpec()?.listen.some((listen) => listen.port === port) ? plane.connectDtls({ id, key: masterSecret, ciphers: [suite] }) : undefined
  let taken = 0
  return channel && {
    send: (type, payload) => channel.write(type, payload ?? new Uint8Array()),
    receive: async () => {
      await plane.settled()
      return channel.records()[taken++]
    },
    close: () => channel.end(),
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
