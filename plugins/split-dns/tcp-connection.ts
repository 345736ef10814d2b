import type { Socket } from 'node:net'
import type { Clock, Logger } from '../../core/api.ts'
import type { Resolver } from './resolver.ts'
import { framed, Framer } from './tcp-framer.ts'

/** Time for the next query, and for the client to read its answers. A query itself takes half of that at most. */
export const IDLE_MS = 10_000
/** Answers under way; beyond, nothing more is read. */
export const MAX_PIPELINED = 16
/** Of answers that the client has not read. */
export const MAX_UNREAD = 128 * 1024

/** One client's connection: queries in any number, one after the other or at once, answers as they come. */
export class TcpConnection {
  private readonly framer: Framer
  private readonly queue: Buffer[] = []
  private running = 0
  /** The client sends no more; what is under way is still answered. */
  private ended = false
  private timer: { cancel(): void }

  constructor(
    private readonly socket: Socket,
    private readonly from: string,
    maxQuery: number,
    private readonly parts: { readonly clock: Clock; readonly log: Logger; readonly resolver: Resolver },
    closed: () => void,
  ) {
    this.framer = new Framer(maxQuery)
    this.timer = this.limit()
    socket.on('data', (chunk: Buffer) => this.read(chunk))
    socket.on('end', () => this.endWhenDone())
    socket.on('error', () => socket.destroy())
    socket.on('drain', () => this.proceed())
    socket.on('close', () => {
      this.timer.cancel()
      this.queue.length = 0
      closed()
    })
  }

  end(): void {
    this.socket.destroy()
  }

  private endWhenDone(): void {
    this.ended = true
    if (this.running === 0 && this.queue.length === 0) this.socket.end()
  }

  private read(chunk: Buffer): void {
    const messages = this.framer.push(chunk)
    if (!messages) return this.end()
    if (messages.length === 0) return
    this.queue.push(...messages)
    this.proceed()
  }

  /** Takes from the queue as long as the client keeps up. Only progress moves the deadline: bytes of half a query do not. */
  private proceed(): void {
    this.timer.cancel()
    this.timer = this.limit()
    while (this.running < MAX_PIPELINED && this.socket.writableLength < MAX_UNREAD) {
      const message = this.queue.shift()
      if (!message) break
      this.running++
      void this.run(message)
    }
    if (this.queue.length > 0) this.socket.pause()
    else this.socket.resume()
  }

  private async run(message: Buffer): Promise<void> {
    try {
      const answer = await this.parts.resolver.answer(message, this.from, 'tcp')
      if (answer && this.socket.writable) this.socket.write(framed(answer))
    } catch (error) {
      this.parts.log.error('dns query', { error })
      this.end()
    } finally {
      this.running--
      if (this.queue.length > 0) this.proceed()
      else if (this.ended) this.endWhenDone()
    }
  }

  private limit(): { cancel(): void } {
    return this.parts.clock.after(IDLE_MS, () => this.end())
  }
}
