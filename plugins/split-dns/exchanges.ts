import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Clock } from '../../core/api.ts'
import { readAnswer, type Answer } from './answer.ts'
import type { ServerAddress } from './config.ts'
import type { Counters } from './counters.ts'
import type { Question } from './query.ts'
import { framed, Framer } from './tcp-framer.ts'

/** After so many datagrams that are not the answer somebody may be guessing ids: TCP cannot be guessed. */
export const MAX_MISMATCHES = 8

/** A query on its way to servers; the id in `forward` is replaced. */
export interface Asked {
  readonly forward: Buffer
  readonly question: Question
}
/** `mismatched`: answers came, and too many of them were others. */
export type Outcome = Answer | 'silent' | 'unreachable' | 'mismatched'

/** One question to one server. Each has a socket with a random port and a random id of its own. */
export class Exchanges {
  private readonly open = new Set<() => void>()
  private closed = false

  constructor(private readonly clock: Clock, private readonly counters: Counters) {}

  /** Nothing waits any more. */
  close(): void {
    this.closed = true
    for (const end of [...this.open]) end()
  }
  get length(): number {
    return this.open.size
  }

  /** The kernel passes on only what comes from the server's address and port. */
  udp({ address, port }: ServerAddress, { forward, question }: Asked, limitMs: number): Promise<Outcome> {
    return this.run(limitMs, (done) => {
      const { id, message } = numbered(forward)
      let mismatches = 0
      const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' })
      socket.on('error', () => done('unreachable'))
      socket.on('message', (bytes) => {
        const answer = readAnswer(bytes, id, question)
        if (answer) return done(answer)
        this.counters.values.mismatched++
        if (++mismatches >= MAX_MISMATCHES) done('mismatched')
        return undefined
      })
      socket.on('connect', () => socket.send(message))
      socket.connect(port, address)
      return () => socket.close()
    })
  }

  tcp({ address, port }: ServerAddress, { forward, question }: Asked, limitMs: number): Promise<Outcome> {
    this.counters.values.overTcp++
    return this.run(limitMs, (done) => {
      const { id, message } = numbered(forward)
      const framer = new Framer(0xffff)
      const socket = connect({ host: address, port, noDelay: true })
      socket.on('error', () => done('unreachable'))
      socket.on('close', () => done('unreachable'))
      socket.on('data', (chunk: Buffer) => {
        const [first] = framer.push(chunk) ?? []
        if (!first) return
        const answer = readAnswer(first, id, question)
        if (!answer) this.counters.values.mismatched++
        done(answer ?? 'mismatched')
      })
      socket.write(framed(message))
      return () => socket.destroy()
    })
  }

  private run(limitMs: number, begin: (done: (outcome: Outcome) => void) => () => void): Promise<Outcome> {
    if (this.closed) return Promise.resolve('unreachable')
    this.counters.values.sent++
    return new Promise((resolve) => {
      const socket: { close?: () => void } = {}
      const done = (outcome: Outcome): void => {
        if (!this.open.delete(end)) return
        timer.cancel()
        if (outcome === 'silent') this.counters.values.timeouts++
        socket.close?.()
        resolve(outcome)
      }
      const end = (): void => done('unreachable')
      this.open.add(end)
      const timer = this.clock.after(limitMs, () => done('silent'))
      const close = begin(done)
      socket.close = close
      if (!this.open.has(end)) close()
    })
  }
}

function numbered(forward: Buffer): { readonly id: number; readonly message: Buffer } {
  const id = randomInt(0x10000)
  const message = Buffer.from(forward)
  message.writeUInt16BE(id, 0)
  return { id, message }
}
