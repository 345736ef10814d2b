/** Line and headers of a request (RFC 9112). */
export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  /** By name in lower case; values as sent, without the white space around them. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  /** Header lines. */
  readonly count: number
}

/** An answer that ends the connection. */
export interface Refusal {
  readonly status: number
  readonly reason: string
}

export const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP\/(1\.[01])$/
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** What no head holds, the line ends aside. */
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/

/**
 * `text` is a whole head in latin1, without its blank line. Strict: no white space before a colon, no folded lines, no
 * bare CR or LF; undefined for everything that is not exactly a request.
 */
export function parseRequestHead(text: string): RequestHead | undefined {
  const lineEnd = text.indexOf('\r\n')
  const [, method, target, version] = REQUEST_LINE.exec(lineEnd < 0 ? text : text.slice(0, lineEnd)) ?? []
  if (method === undefined || target === undefined || version === undefined) return undefined
  const headers = new Map<string, string[]>()
  let count = 0
  for (let start = lineEnd + 2; lineEnd >= 0 && start <= text.length; count++) {
    const next = text.indexOf('\r\n', start)
    const end = next < 0 ? text.length : next
    const colon = text.indexOf(':', start)
    if (colon < 0 || colon >= end) return undefined
    const name = text.slice(start, colon)
    const value = text.slice(colon + 1, end)
    if (!NAME.test(name) || CONTROL.test(value)) return undefined
    const key = name.toLowerCase()
    const values = headers.get(key)
    if (values) values.push(trimmed(value))
    else headers.set(key, [trimmed(value)])
    start = end + 2
  }
  return { method, target, version: version as '1.0' | '1.1', headers, count }
}

// Not `trim`: that takes more than a head may have around a value.
const trimmed = (value: string): string => {
  let start = 0
  let end = value.length
  while (start < end && isBlank(value.charCodeAt(start))) start++
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09
