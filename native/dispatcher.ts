import type { ConnectionHandle, DataPlaneHandler, TunnelCounters, TunnelDown, TunnelHandle } from '../core/dataplane.ts'
import { DTLS_DOWN_REASONS, TUNNEL_COUNTERS, TUNNEL_DOWN_REASONS } from '../core/dataplane.ts'
import { readConnectionInfo } from './connection_info.ts'

/** The numbers of `EventType` in src/event.h. */
export const EVENT = { connection: 1, data: 2, end: 3, closed: 4, flushed: 5, tunnelUp: 6, tunnelDown: 7, dtlsUp: 8, dtlsDown: 9, roamed: 10, silence: 11, pathMtu: 12 } as const
const WORDS = 5

interface Event {
  readonly type: number
  readonly handle: number
  readonly bytes: Buffer
  readonly arg: number
}

/** The counters of a BigUint64Array in the order of TUNNEL_COUNTERS. */
export function readCounters(words: BigUint64Array | readonly bigint[]): TunnelCounters {
  const counters: Record<string, bigint> = {}
  TUNNEL_COUNTERS.forEach((name, index) => (counters[name] = words[index] ?? 0n))
  return counters as unknown as TunnelCounters
}

function readDown(arg: number, bytes: Buffer): TunnelDown {
  const words = TUNNEL_COUNTERS.map((_, index) => bytes.readBigUInt64LE(index * 8))
  return { reason: TUNNEL_DOWN_REASONS[arg] ?? 'internal', detail: Buffer.from(bytes.subarray(TUNNEL_COUNTERS.length * 8)), counters: readCounters(words) }
}

/** Gives the events of batches to the handler, one by one and in order, whatever a handler throws or calls. */
export class Dispatcher {
  #events: Event[] = []
  #at = 0
  #running = false

  constructor(private readonly handler: DataPlaneHandler) {}

  batch(bytes: Buffer, meta: Uint32Array): void {
    this.#take(bytes, meta)
    if (!this.#running) this.#run()
  }
  /** The last batch: of what is left, only the ends of connections that the handler knows, and of tunnels. */
  end(bytes: Buffer, meta: Uint32Array): void {
    this.#take(bytes, meta)
    const left = this.#events.slice(this.#at)
    const unseen = new Set(left.filter(({ type }) => type === EVENT.connection).map(({ handle }) => handle))
    this.#events = left.filter(({ type, handle, bytes: payload }) => {
      if (type === EVENT.data) payload.fill(0)
      return type === EVENT.tunnelUp || type === EVENT.tunnelDown || (type === EVENT.closed && !unseen.has(handle))
    })
    this.#at = 0
    this.#run()
  }

  #take(bytes: Buffer, meta: Uint32Array): void {
    for (let at = 0; at < meta.length; at += WORDS) {
      const offset = meta[at + 2] ?? 0
      this.#events.push({ type: meta[at] ?? 0, handle: meta[at + 1] ?? 0, bytes: bytes.subarray(offset, offset + (meta[at + 3] ?? 0)), arg: meta[at + 4] ?? 0 })
    }
  }
  #run(): void {
    this.#running = true
    for (let event = this.#events[this.#at]; event !== undefined; event = this.#events[this.#at]) {
      this.#at++
      try {
        this.#deliver(event)
      } catch (error) {
        queueMicrotask(() => { throw error })
      }
    }
    this.#events = []
    this.#at = 0
    this.#running = false
  }
  #deliver({ type, handle, bytes, arg }: Event): void {
    const connection = handle as ConnectionHandle
    const tunnel = handle as TunnelHandle
    switch (type) {
      case EVENT.connection: return this.handler.connection(readConnectionInfo(connection, bytes))
      case EVENT.data:
        try {
          return this.handler.data(connection, arg, bytes)
        } finally {
          bytes.fill(0) // requests hold passwords, and a batch holds several users
        }
      case EVENT.end: return this.handler.end(connection)
      case EVENT.closed: return this.handler.closed(connection, arg !== 0)
      case EVENT.flushed: return this.handler.flushed(connection)
      case EVENT.tunnelUp: return this.handler.tunnelUp(tunnel)
      case EVENT.tunnelDown: return this.handler.tunnelDown(tunnel, readDown(arg, bytes))
      case EVENT.dtlsUp: return this.handler.dtlsUp(tunnel, bytes.toString('latin1'), arg !== 0)
      case EVENT.dtlsDown: return this.handler.dtlsDown(tunnel, DTLS_DOWN_REASONS[arg] ?? 'closed')
      case EVENT.roamed: return this.handler.roamed(tunnel, { address: bytes.toString('latin1'), port: arg })
      case EVENT.silence: return this.handler.silence(tunnel, arg >>> 1, (arg & 1) !== 0)
      case EVENT.pathMtu: return this.handler.pathMtu(tunnel, arg)
    }
  }
}
