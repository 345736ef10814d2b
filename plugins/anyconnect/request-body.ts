import type { IncomingMessage } from 'node:http'
import { REQUEST_LIMITS } from './request-guard.ts'

export type RequestBody = { readonly bytes: Buffer; wipe(): void } | 'too-long' | 'aborted'

/** Collects a body of at most 256 KiB, chunked or not. `wipe` overwrites every copy: bodies hold passwords. */
export function readBody(request: IncomingMessage): Promise<RequestBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const drop = (): void => {
      for (const chunk of chunks) chunk.fill(0)
    }
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      chunks.push(chunk)
      if (length <= REQUEST_LIMITS.bodyBytes) return
      request.pause()
      request.removeAllListeners('data')
      drop()
      resolve('too-long')
    })
    request.on('end', () => {
      const bytes = Buffer.concat(chunks)
      resolve({
        bytes,
        wipe: () => {
          bytes.fill(0)
          drop()
        },
      })
    })
    const aborted = (): void => {
      drop()
      resolve('aborted')
    }
    request.on('error', aborted)
    request.on('close', () => {
      if (!request.complete) aborted()
    })
  })
}
