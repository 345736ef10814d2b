import { HeadReader } from '../../plugins/anyconnect/head-reader.ts'
import { BodyRoom, RequestBody } from '../../plugins/anyconnect/request-body.ts'
import { admit, REQUEST_LIMITS } from '../../plugins/anyconnect/request-guard.ts'

/** Everything that the bytes are read as: heads, bodies, the refusal at the end. `size`: of the pieces they come in. */
function reading(bytes: Uint8Array, size: number): string {
  const heads = new HeadReader()
  const found: string[] = []
  let body: RequestBody | undefined
  for (let at = 0; at < bytes.length; at += size) {
    let rest: Uint8Array = Uint8Array.from(bytes.subarray(at, at + size))
    do {
      if (!body) {
        const read = heads.push(rest)
        if (read === undefined) break
        if ('status' in read) return [...found, `refused ${read.status}`].join('\n')
        const framing = admit(read.head)
        found.push(JSON.stringify([read.head.method, read.head.target, [...read.head.headers], framing]))
        if (typeof framing === 'object') return found.join('\n')
        body = new RequestBody(framing, new BodyRoom())
        rest = read.rest
      }
      const behind = body.push(rest)
      if ('status' in behind) return [...found, `refused ${behind.status}`].join('\n')
      if (!body.complete) break
      if (body.bytes.length > REQUEST_LIMITS.bodyBytes) throw new Error('a body beyond its bound')
      found.push(body.bytes.toString('latin1'))
      body.wipe()
      body = undefined
      rest = behind
    } while (rest.length > 0)
  }
  return found.join('\n')
}

export const short = true

/** A stranger's requests are read alike in whatever pieces they come: else a proxy and we would disagree. */
export function run(bytes: Uint8Array): void {
  const whole = reading(bytes, Math.max(1, bytes.length))
  for (const size of [1, 7, 1000]) {
    // What is too long is refused once that is seen: with more bytes at once, later parts are looked at first.
    if (size === 1 && bytes.length > 20_000) continue
    const pieces = reading(bytes, size)
    if (pieces !== whole) throw new Error(`in pieces of ${size}: ${pieces.slice(0, 500)}\nin one: ${whole.slice(0, 500)}`)
  }
}
