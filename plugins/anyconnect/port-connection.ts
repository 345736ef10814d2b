import { sourceNetwork, type ConnectionInfo, type DataPlane } from '../../core/api.ts'
import { HeadReader } from './head-reader.ts'
import { Outbox } from './outbox.ts'
import { RequestBody, type BodyRoom } from './request-body.ts'
import type { Refusal, RequestHead } from './request-head.ts'

/** What a connection needs of the data plane. */
export type ConnectionPlane = Pick<DataPlane, 'grant' | 'write' | 'end' | 'destroy'>

/** Whom a connection tells what came. */
export interface ConnectionOwner {
  /** A head with what came behind it. Gives the framing of the body; undefined when the connection has left because of it. */
  head(connection: PortConnection, head: RequestHead, rest: Uint8Array): number | 'chunked' | undefined
  /** A whole request: the owner calls `answer` or `end`, once. `body` is overwritten then. */
  request(connection: PortConnection, head: RequestHead, body: Uint8Array): void
  /** What came is no request, or none in time; the owner calls `end`. */
  broken(connection: PortConnection, refusal: Refusal): void
  /** More came before the answer was there. */
  pipelined(connection: PortConnection): void
  /** It has ended or was handed over. */
  left(connection: PortConnection): void
}

export interface ConnectionTimes {
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
}

const PREMATURE: Refusal = { status: 400, reason: 'ended within a request' }
const LATE: Refusal = { status: 408, reason: 'time is up' }

/**
 * A decrypted connection before login: one request after the other, each answered before the next. Reading is
 * stop-and-wait: the next chunk comes only after the grant of the last one, and behind a CONNECT none is granted, so that
 * a promotion loses no byte (reference/border section 5).
 */
export class PortConnection {
  readonly network: string
  private readonly heads = new HeadReader()
  private readonly outbox: Outbox
  private state: 'head' | 'body' | 'answering' | 'idle' | 'left' = 'head'
  private request: { readonly head: RequestHead; readonly body: RequestBody } | undefined
  private requestStart: number
  /** When the client is late with what it has to do next; monotonic, ms. */
  private deadline: number
  private lastSeq = 0
  /** The client sends no more; or the answer was the last one. */
  private ending = false

  constructor(
    private readonly plane: ConnectionPlane,
    readonly info: ConnectionInfo,
    private readonly owner: ConnectionOwner,
    private readonly room: BodyRoom,
    private readonly times: ConnectionTimes,
    /** Monotonic, ms. */
    private readonly now: () => number,
  ) {
    this.network = sourceNetwork(info.peer.address)
    this.outbox = new Outbox(plane, info.handle)
    this.requestStart = now()
    this.deadline = this.requestStart + times.headersTimeoutMs
  }

  /** Number of the last chunk that arrived. */
  get seen(): number {
    return this.lastSeq
  }
  get alive(): boolean {
    return this.state !== 'left'
  }
  /** A request is under way or being answered. */
  get busy(): boolean {
    return this.state === 'body' || this.state === 'answering'
  }

  // --- from the data plane

  /** `bytes` die with the call. */
  receive(seq: number, bytes: Uint8Array): void {
    if (!this.alive) return
    this.lastSeq = seq
    this.read(bytes)
    if (this.alive) this.plane.grant(this.info.handle, seq)
  }

  receiveEnd(): void {
    if (!this.alive) return
    this.ending = true
    if (this.state === 'idle' || (this.state === 'head' && this.heads.empty)) this.end()
    else if (this.state !== 'answering') this.owner.broken(this, PREMATURE)
  }

  receiveFlushed(): void {
    if (!this.alive) return
    this.outbox.flushed()
    if (this.state === 'answering' && this.request === undefined) this.answered()
  }

  receiveClosed(): void {
    this.leave()
  }

  // --- from the owner

  /** The answer to the request that is open; `ends`: the last one. */
  answer(bytes: Uint8Array, ends: boolean): void {
    this.request?.body.wipe()
    this.request = undefined
    if (!this.alive) return
    this.ending ||= ends
    this.outbox.send(bytes)
    this.answered()
  }

  /** Before the answer: `100 Continue`. */
  interim(bytes: Uint8Array): void {
    if (this.outbox.empty) this.outbox.send(bytes)
  }

  /** Ends behind these bytes. */
  end(bytes?: Uint8Array): void {
    if (!this.alive) return
    if (bytes && this.outbox.empty) this.outbox.send(bytes)
    this.leave()
    this.plane.end(this.info.handle)
  }

  destroy(): void {
    if (!this.alive) return
    this.leave()
    this.plane.destroy(this.info.handle, false)
  }

  /** The data plane has taken it over. */
  detach(): void {
    this.leave()
  }

  /** Called now and then. */
  look(now: number): void {
    if (now < this.deadline) return
    if (this.state === 'idle') this.end()
    else this.owner.broken(this, LATE)
  }

  // --- reading

  private read(bytes: Uint8Array): void {
    if (this.state === 'answering') this.refuseExcess(bytes)
    else if (this.state === 'body') this.readBody(bytes)
    else this.readHead(bytes)
  }

  private readHead(bytes: Uint8Array): void {
    if (this.state === 'idle') {
      this.state = 'head'
      this.requestStart = this.now()
      this.deadline = this.requestStart + this.times.headersTimeoutMs
    }
    const read = this.heads.push(bytes)
    if (read === undefined) return
    if ('status' in read) return this.owner.broken(this, read)
    const framing = this.owner.head(this, read.head, read.rest)
    if (framing === undefined) return
    this.request = { head: read.head, body: new RequestBody(framing, this.room) }
    this.state = 'body'
    this.deadline = this.requestStart + this.times.requestTimeoutMs
    this.readBody(read.rest)
  }

  private readBody(bytes: Uint8Array): void {
    if (!this.request) return
    const { head, body } = this.request
    const rest = body.push(bytes)
    if ('status' in rest) return this.owner.broken(this, rest)
    if (!body.complete) return
    this.state = 'answering'
    this.deadline = Infinity
    if (!this.refuseExcess(rest)) this.owner.request(this, head, body.bytes)
  }

  // A line end is what some clients leave behind their body; anything else would be a request before its time.
  private refuseExcess(bytes: Uint8Array): boolean {
    const excess = bytes.some((byte) => byte !== 0x0d && byte !== 0x0a)
    if (excess) this.owner.pipelined(this)
    return excess
  }

  private answered(): void {
    if (!this.outbox.empty) return
    if (this.ending) return this.end()
    this.state = 'idle'
    this.deadline = this.now() + this.times.keepAliveTimeoutMs
  }

  private leave(): void {
    if (!this.alive) return
    // While it is being answered somebody reads the body.
    if (this.state !== 'answering') this.request?.body.wipe()
    this.state = 'left'
    this.owner.left(this)
  }
}
