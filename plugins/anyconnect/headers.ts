export type Header = readonly [name: string, value: string]

/** Headers of the CONNECT answer that may come more than once; every other name comes once, in one spelling. */
const REPEATABLE: ReadonlySet<string> = new Set([
  'x-cstp-dns', 'x-cstp-dns-ip6', 'x-cstp-nbns', 'x-cstp-split-dns',
  'x-cstp-split-include', 'x-cstp-split-exclude', 'x-cstp-split-include-ip6', 'x-cstp-split-exclude-ip6',
])

/** Own headers first; a contributor adds to them and overrides none. */
export function mergeHeaders(own: readonly Header[], added: readonly Header[]): readonly Header[] {
  const taken = new Set(own.map(([name]) => name.toLowerCase()))
  const merged = [...own]
  for (const header of added) {
    const key = header[0].toLowerCase()
    if (taken.has(key) && !REPEATABLE.has(key)) continue
    taken.add(key)
    merged.push(header)
  }
  return merged
}

const CONTROL = /[\x00-\x1f\x7f]/
const CONTROLS = new RegExp(CONTROL, 'g')

/** Status line and headers with the blank line; clients compare the names by case, so nothing touches them. */
export function head(status: string, headers: readonly Header[]): Buffer {
  let text = `HTTP/1.1 ${status}\r\n`
  for (const [name, value] of headers) text += `${name}: ${CONTROL.test(value) ? value.replaceAll(CONTROLS, ' ') : value}\r\n`
  return Buffer.from(`${text}\r\n`)
}

/** A refusal that node's http does not write: no body, and the connection ends. */
export const refusalHead = (status: string, headers: readonly Header[] = []): Buffer =>
  head(status, [['X-Transcend-Version', '1'], ...headers, ['Content-Length', '0'], ['Connection', 'close']])
