import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { MessageFramer } from './message-framer.ts'
import { checkMessage } from './message-shape.ts'

/** One connection belongs to one login: more than this nobody's groups are. */
const MAX_BYTES = 4 * 1024 * 1024

/**
 * A connected socket as the client library takes it. The library keeps whatever comes until it is a message and reads several at once by
 * recursion; behind this it gets one whole and well-built message at a time, and not without end.
 */
export class MessageChannel extends Duplex {
  /** What the library asks of a socket to see that it stands. */
  readonly connecting = false
  readonly readyState = 'open'
  /** Why it broke. */
  problem: string | undefined
  private bytes = 0

  constructor(private readonly socket: Socket) {
    super({ readableObjectMode: true })
    const framer = new MessageFramer()
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
      try {
        if (this.bytes > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes of answers`)
        const messages = framer.push(chunk)
        messages.forEach(checkMessage)
        if (!messages.map((message) => this.push(message)).every(Boolean)) socket.pause()
      } catch (error) {
        this.broken((error as Error).message)
      }
    })
    socket.on('error', ({ message }: Error) => this.broken(message))
    socket.on('close', () => this.broken('the server has closed the connection'))
  }

  /** Ends what waits for an answer. */
  broken(problem: string): void {
    this.problem ??= problem
    this.destroy()
  }

  override _read(): void {
    this.socket.resume()
  }
  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, done)
  }
  override _final(done: () => void): void {
    this.socket.end()
    done()
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy()
    done(error)
  }
}
