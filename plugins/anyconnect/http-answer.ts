import { STATUS_CODES } from 'node:http'
import type { HttpAnswer } from '../../core/api.ts'

/** RFC 9110 section 5.6.7; made once a second. */
let date = { second: 0, text: '' }
const dateText = (): string => {
  const second = Math.floor(Date.now() / 1000)
  if (second !== date.second) date = { second, text: new Date(second * 1000).toUTCString() }
  return date.text
}

/** What would end a header early. */
const UNSAFE = /[\0-\x08\x0a-\x1f\x7f]/g

/** Head and body of an answer on the wire; without the body for HEAD. `ends`: the connection ends behind it. */
export function answerBytes({ status, reason, headers, body }: HttpAnswer, ends: boolean, headOnly: boolean): Buffer {
  let text = `HTTP/1.1 ${status} ${(reason ?? STATUS_CODES[status] ?? '').replace(UNSAFE, ' ')}\r\n`
  for (const [name, value] of headers) text += `${name}: ${value.replace(UNSAFE, ' ')}\r\n`
  text += `Date: ${dateText()}\r\nContent-Length: ${typeof body === 'string' ? Buffer.byteLength(body) : body.length}\r\nConnection: ${ends ? 'close' : 'Keep-Alive'}\r\n\r\n`
  if (headOnly) return Buffer.from(text)
  return typeof body === 'string' ? Buffer.from(text + body) : Buffer.concat([Buffer.from(text), body])
}

export const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')
