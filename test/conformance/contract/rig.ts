import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DataPlane, OpenInfo, OpenSpec, Promotion, TlsContextSpec, TunnelHandle, TunnelSpec } from '../../../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../../../core/dataplane.ts'
import { frame, FRAME, packet } from '../../../native/fake.ts'
import { takeFrames } from '../../../native/fake_frames.ts'
import type { Frame } from '../../../native/fake_frames.ts'
import { pause, Recorder, until } from '../../native/recorder.ts'
import type { Seen } from '../../native/recorder.ts'

/** The peer of a data plane, after its handshake. */
export interface ContractClient {
  write(bytes: Uint8Array | string): void
  end(): void
  reset(): void
  pause(): void
  resume(): void
  received(): Buffer
  readonly ended: boolean
  /** As the client's TLS has them. */
  readonly channelBindings: readonly Uint8Array[]
}

/** A client's DTLS channel after its handshake. */
export interface ContractDtls {
  write(type: number, payload?: Uint8Array): void
  records(): readonly Frame[]
  /** close_notify. */
  end(): void
  /** The gateway asked for a cookie; undefined where nothing crosses a wire. */
  readonly helloVerified?: boolean
}
export interface ContractHello {
  readonly id: Uint8Array
  /** The tunnel's client, whose TLS connection gives the pre-shared key; or a master secret. */
  readonly key: ContractClient | Uint8Array
  /** OpenSSL's names. */
  readonly ciphers: readonly string[]
}

export interface ContractRig {
  /** A second call comes only after stop(). */
  plane(): DataPlane
  connect(plane: DataPlane, info: OpenInfo): Promise<ContractClient>
  /** undefined: the handshake led nowhere. */
  connectDtls(plane: DataPlane, info: OpenInfo, hello: ContractHello): Promise<ContractDtls | undefined>
  /** Any packet to that inner address, from behind the gateway. */
  toClient(plane: DataPlane, address: string): void
  readonly contexts: readonly TlsContextSpec[]
  /** Its key belongs to another certificate. */
  readonly mismatched: readonly TlsContextSpec[]
  readonly lockDirectory: string
}

export interface Open {
  readonly plane: DataPlane
  readonly info: OpenInfo
  readonly seen: Recorder
  connect(): Promise<{ client: ContractClient; connection: Seen }>
  connectDtls(hello: ContractHello): Promise<ContractDtls | undefined>
  toClient(address: string): void
}

export const HEAD = Buffer.from('HTTP/1.1 200 CONNECTED\r\nX-CSTP-Version: 1\r\n\r\n')
export const spec: TunnelSpec = { ipv4: '10.211.0.5', ipv6: 'fd21:1::5', mtu: 1300, dpdSec: 0, dpdRetries: 3, keepaliveSec: 0 }
export const inner = (text: string): Buffer => packet('10.211.0.5', '10.211.0.1', text)
export const hello = frame(FRAME.dpdRequest, 'hello')
let tunnels = 0
export const nextTunnel = (): TunnelHandle => ++tunnels as TunnelHandle

export const framesBehindHead = (client: ContractClient): readonly Frame[] => {
  const bytes = client.received()
  const at = bytes.indexOf('\r\n\r\n')
  return at < 0 ? [] : takeFrames(bytes.subarray(at + 4)).frames
}

export type ContractKit = ReturnType<typeof contractKit>

/** What the parts of the contract share: a test with an open plane, and the ways to a tunnel and its end. */
export function contractKit(name: string, makeRig: () => Promise<ContractRig>) {
  const test = suite(name)
  const withPlane = (what: string, run: (open: Open) => Promise<void>): void => test(what, async () => {
    const rig = await makeRig()
    const plane = rig.plane()
    const seen = new Recorder()
    seen.grant = (handle, seq) => plane.grant(handle, seq)
    const openSpec: OpenSpec = {
      listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptc%d', addresses: ['10.211.0.1/24', 'fd21:1::1/64'], routes: [], mtu: 1400, workers: 1,
      lockDirectory: rig.lockDirectory, limits: DEFAULT_LIMITS, udp: true,
    }
    const info = plane.open(openSpec, rig.contexts, seen)
    try {
      await run({
        plane, info, seen,
        connectDtls: (hello) => rig.connectDtls(plane, info, hello),
        toClient: (address) => rig.toClient(plane, address),
        connect: async () => {
          const before = seen.connections.size
          const client = await rig.connect(plane, info)
          await until(() => seen.connections.size > before, 'the connection event')
          return { client, connection: seen.last() }
        },
      })
    } finally {
      plane.stop()
    }
  })
  const promotion = (connection: Seen, more: Partial<Promotion> = {}): Promotion => ({
    connection: connection.info.handle, tunnel: nextTunnel(), spec, head: HEAD, early: Buffer.alloc(0), seen: connection.lastSeq, ...more,
  })
  /** A connection that has become a tunnel. */
  const promoted = async ({ plane, seen, connect }: Open, wanted = spec): Promise<{ client: ContractClient; tunnel: TunnelHandle }> => {
    seen.onData = () => false
    const { client, connection } = await connect()
    client.write('CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\n\r\n')
    await until(() => connection.lastSeq === 1, 'the request')
    const ask = promotion(connection, { spec: wanted })
    plane.promote(ask)
    await until(() => seen.up.includes(ask.tunnel), 'tunnelUp')
    return { client, tunnel: ask.tunnel }
  }
  const down = async (seen: Recorder, tunnel: TunnelHandle): Promise<string> => {
    await until(() => seen.down.has(tunnel), 'tunnelDown')
    await pause(20)
    assert.is(seen.down.get(tunnel)?.length, 1, 'exactly one tunnelDown')
    return seen.down.get(tunnel)?.[0]?.reason ?? ''
  }
  return { makeRig, withPlane, promotion, promoted, down, run: () => test.run() }
}
