import type { Wire } from './wire.ts'

/** Name and value as on the wire; order, case and repeats are the client's own. */
export type HeaderLine = readonly [name: string, value: string]

export interface HttpAnswer {
  readonly status: number
  readonly statusLine: string
  readonly headers: readonly HeaderLine[]
  readonly body: string
  /** Bytes behind the head of an accepted CONNECT. */
  readonly rest: Buffer
}

export const headerOf = (answer: Pick<HttpAnswer, 'headers'>, name: string): string | undefined =>
  answer.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
export const headersOf = (answer: Pick<HttpAnswer, 'headers'>, name: string): readonly string[] =>
  answer.headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value)

/** One request and its whole answer. Throws when the connection ends first. */
export async function exchange(wire: Wire, method: string, target: string, headers: readonly HeaderLine[], body = ''): Promise<HttpAnswer> {
  const length: readonly HeaderLine[] = body === '' ? [] : [['Content-Length', String(Buffer.byteLength(body))]]
  wire.write(`${method} ${target} HTTP/1.1\r\n${[...headers, ...length].map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`)
  let bytes: Buffer = Buffer.alloc(0)
  const more = async (): Promise<void> => {
    const next = await wire.read()
    if (!next) throw new Error(`the gateway closed instead of answering ${method} ${target}`)
    bytes = Buffer.concat([bytes, next])
  }
  while (bytes.indexOf('\r\n\r\n') < 0) await more()
  const end = bytes.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const parsed = lines.map((line): HeaderLine => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).replace(/^ /, '')])
  const status = Number(statusLine.split(' ')[1])
  const start = end + 4
  if (method === 'CONNECT' && status === 200) return { status, statusLine, headers: parsed, body: '', rest: bytes.subarray(start) }
  const announced = headerOf({ headers: parsed }, 'content-length')
  if (announced === undefined) throw new Error(`${method} ${target}: an answer without Content-Length`)
  while (bytes.length - start < Number(announced)) await more()
  return { status, statusLine, headers: parsed, body: bytes.subarray(start, start + Number(announced)).toString('utf8'), rest: Buffer.alloc(0) }
}
