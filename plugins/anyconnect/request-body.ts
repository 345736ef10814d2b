import type { IncomingMessage } from 'node:http'
import { REQUEST_LIMITS } from './request-guard.ts'

export type RequestBody = { readonly bytes: Buffer; wipe(): void } | 'too-long' | 'crowded' | 'aborted'

/**
 * Reads bodies, chunked or not, each of at most 256 KiB and all that are under way of at most 32 MiB together. Beyond
 * that only small ones go on, so that nobody's long bodies keep a login out: a login fits in a small one. `wipe`
 * overwrites every copy, because bodies hold passwords, and gives the room back.
 */
export class RequestBodies {
  private held = 0

  constructor(private readonly room: number = REQUEST_LIMITS.allBodiesBytes) {}

  /** Bytes of bodies that are not wiped yet. */
  get bytes(): number {
    return this.held
  }

  read(request: IncomingMessage): Promise<RequestBody> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = []
      let length = 0
      const drop = (): void => {
        for (const chunk of chunks.splice(0)) chunk.fill(0)
        this.held -= length
        length = 0
      }
      const giveUp = (why: 'too-long' | 'crowded' | 'aborted'): void => {
        request.pause()
        request.removeAllListeners('data')
        drop()
        resolve(why)
      }
      request.on('data', (chunk: Buffer) => {
        length += chunk.length
        this.held += chunk.length
        chunks.push(chunk)
        if (length > REQUEST_LIMITS.bodyBytes) giveUp('too-long')
        else if (this.held > this.room && length > REQUEST_LIMITS.smallBodyBytes) giveUp('crowded')
      })
      request.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const wipe = (): void => {
          bytes.fill(0)
          drop()
        }
        resolve({ bytes, wipe })
      })
      request.on('error', () => giveUp('aborted'))
      request.on('close', () => {
        if (!request.complete) giveUp('aborted')
      })
    })
  }
}
