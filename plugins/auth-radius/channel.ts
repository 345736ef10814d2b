import { randomInt } from 'node:crypto'
import { pooledRandomBytes } from '../../core/api.ts'
import type { Counters } from './counters.ts'
import type { Link, LinkEvents } from './link.ts'
import { CODE, decodePacket, encodeRequest, isRandom, proveResponse, type Attribute, type Packet, type Proof } from './packet.ts'

const IDS = 256
/** The answers to all of them fit into the socket's buffer. */
const MAX_WAITING = 128

/** What is asked; the attributes are made for each server anew, because passwords are hidden with its secret. Throws RangeError for values that do not fit. */
export interface Asked {
  readonly code: number
  attributes(authenticator: Buffer, secret: Buffer): readonly Attribute[]
}
/** A request on its way. */
export interface Sent {
  repeat(): void
  /** Its answer does not matter any more. */
  forget(): void
}
interface Waiting {
  readonly code: number
  readonly authenticator: Buffer
  answered(packet: Packet): void
  broken(reason: string): void
}
export interface ChannelRules {
  readonly secret: Buffer
  readonly counters: Counters
  /** Whether an answer that is right by its digest counts. */
  accepts(requestCode: number, proof: Exclude<Proof, undefined>): boolean
  broken(reason: string): void
}

/** What a server may answer. */
const ANSWERS: Readonly<Record<number, readonly number[]>> = {
  [CODE.accessRequest]: [CODE.accessAccept, CODE.accessReject, CODE.accessChallenge],
  [CODE.accountingRequest]: [CODE.accountingResponse],
  [CODE.statusServer]: [CODE.accessAccept, CODE.accountingResponse],
}

/** Up to 128 requests under way on one socket, each with a random id that no other has. What is not their answer is counted and forgotten. */
export class Channel {
  private readonly waiting = new Map<number, Waiting>()
  private readonly link: Link
  private over = false

  constructor(private readonly rules: ChannelRules, open: (events: LinkEvents) => Link) {
    this.link = open({ received: (datagram) => this.received(datagram), broken: (reason) => this.broken(reason) })
  }

  get reliable(): boolean {
    return this.link.reliable
  }
  get length(): number {
    return this.waiting.size
  }
  get usable(): boolean {
    return !this.over && this.waiting.size < MAX_WAITING
  }

  /** Only while `usable`. */
  send(asked: Asked, events: Pick<Waiting, 'answered' | 'broken'>): Sent {
    let id = randomInt(IDS)
    while (this.waiting.has(id)) id = (id + 1) % IDS
    const random = pooledRandomBytes(16)
    const bytes = encodeRequest({ code: asked.code, id, authenticator: random, attributes: asked.attributes(random, this.rules.secret) }, this.rules.secret)
    const waiting: Waiting = { ...events, code: asked.code, authenticator: isRandom(asked.code) ? random : bytes.subarray(4, 20) }
    this.waiting.set(id, waiting)
    this.link.send(bytes)
    return {
      repeat: () => void (this.over || this.link.send(bytes)),
      forget: () => void (this.waiting.get(id) === waiting && this.waiting.delete(id)),
    }
  }

  close(): void {
    if (this.over) return
    this.over = true
    this.link.close()
    this.tell('closed')
  }

  private received(datagram: Buffer): void {
    const packet = decodePacket(datagram)
    const waiting = packet && this.waiting.get(packet.id)
    const proof = waiting && ANSWERS[waiting.code]?.includes(packet.code) ? proveResponse(packet, waiting.authenticator, this.rules.secret) : undefined
    if (!packet || !waiting || !proof || !this.rules.accepts(waiting.code, proof)) return void this.rules.counters.values.ignored++
    this.waiting.delete(packet.id)
    this.rules.counters.values.answers++
    waiting.answered(packet)
  }

  private broken(reason: string): void {
    if (this.over) return
    this.over = true
    this.link.close()
    this.rules.broken(reason)
    this.tell(reason)
  }

  private tell(reason: string): void {
    const all = [...this.waiting.values()]
    this.waiting.clear()
    all.forEach((waiting) => waiting.broken(reason))
  }
}
