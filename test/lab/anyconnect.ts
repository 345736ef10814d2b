/** A small AnyConnect client of our own: enough of the dialogue to log in and open a tunnel, on Postern and ocserv alike. */
import { connect, type TLSSocket } from 'node:tls'

export interface HttpAnswer {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

export const header = (answer: HttpAnswer, name: string): string | undefined =>
  answer.headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]

/** One connection: requests one after the other, then perhaps CSTP. */
export class AnyConnectConnection {
  /** Bytes behind the last answer; after CONNECT, the tunnel's. */
  rest: Buffer = Buffer.alloc(0)
  #wake: (() => void) | undefined
  #ended = false
  #error: Error | undefined

  constructor(readonly socket: TLSSocket, readonly host: string) {
    socket.on('data', (chunk: Buffer) => {
      this.rest = Buffer.concat([this.rest, chunk])
      this.#wake?.()
    })
    socket.on('error', (error: Error) => (this.#error = error))
    socket.on('close', () => {
      this.#ended = true
      this.#wake?.()
    })
  }

  static async open(options: { readonly host: string; readonly port?: number; readonly localAddress?: string }): Promise<AnyConnectConnection> {
    const { host, port = 443, localAddress } = options
    const socket = connect({ host, port, rejectUnauthorized: false, ...(localAddress === undefined ? {} : { localAddress }) })
    socket.setNoDelay(true)
    await new Promise<void>((done, fail) => {
      socket.once('error', fail)
      socket.once('secureConnect', () => {
        socket.off('error', fail)
        done()
      })
    })
    return new AnyConnectConnection(socket, host)
  }

  /** Resolves when at least one more byte is there; throws when the connection ended. */
  async more(): Promise<void> {
    const before = this.rest.length
    while (this.rest.length === before) {
      if (this.#ended) throw this.#error ?? new Error('the server closed the connection')
      await new Promise<void>((done) => (this.#wake = done))
    }
  }

  async request(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ''): Promise<HttpAnswer> {
    const all = {
      Host: this.host,
      'User-Agent': 'Open AnyConnect VPN Agent v9.01-3',
      ...headers,
      ...(body === '' ? {} : { 'Content-Type': 'application/xml; charset=utf-8', 'Content-Length': `${Buffer.byteLength(body)}` }),
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    this.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
    return this.#answer(method)
  }

  async #answer(method: string): Promise<HttpAnswer> {
    let end: number
    while ((end = this.rest.indexOf('\r\n\r\n')) < 0) await this.more()
    const [first = '', ...lines] = this.rest.subarray(0, end).toString('latin1').split('\r\n')
    this.rest = this.rest.subarray(end + 4)
    const [, status = '0', statusText = ''] = /^HTTP\/1\.[01] (\d+) ?(.*)$/.exec(first) ?? []
    const headers = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const)
    const answer = { status: Number(status), statusText, headers, body: '' }
    if (method === 'CONNECT' && answer.status === 200) return answer
    const length = Number(header(answer, 'content-length') ?? 0)
    while (this.rest.length < length) await this.more()
    const body = this.rest.subarray(0, length).toString()
    this.rest = this.rest.subarray(length)
    return { ...answer, body }
  }

  async post(path: string, xml: string, cookies: string): Promise<HttpAnswer> {
    const headers = { 'X-Transcend-Version': '1', 'X-Aggregate-Auth': '1', ...(cookies === '' ? {} : { Cookie: cookies }) }
    return this.request('POST', path, headers, `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`)
  }

  /** The CONNECT request as openconnect sends it. */
  tunnel(cookie: string): Promise<HttpAnswer> {
    return this.request('CONNECT', '/CSCOSSLC/tunnel', {
      Cookie: `webvpn=${cookie}`,
      'X-CSTP-Version': '1',
      'X-CSTP-Hostname': 'lab',
      'X-CSTP-Base-MTU': '1500',
      'X-CSTP-MTU': '1390',
      'X-CSTP-Address-Type': 'IPv6,IPv4',
      'X-CSTP-Full-IPv6-Capability': 'true',
    })
  }

  /** CSTP frame of `type` in a TLS record of its own. */
  frame(type: number, payload: Uint8Array = new Uint8Array()): void {
    this.socket.write(Buffer.concat([Buffer.from([0x53, 0x54, 0x46, 1, payload.length >> 8, payload.length & 255, type, 0]), payload]))
  }

  /** Logout: BYE with reason `b0`, then the end of the connection. */
  async bye(): Promise<void> {
    this.frame(5, Buffer.concat([Buffer.from([0xb0]), Buffer.from('Aborted by caller')]))
    await new Promise<void>((done) => this.socket.end(done))
    this.socket.destroy()
  }
}

const document = (type: string, inner: string): string =>
  `<config-auth client="vpn" type="${type}" aggregate-auth-version="2"><version who="vpn">v9.01-3</version><device-id>linux-64</device-id>${inner}</config-auth>`
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Walks through the forms; returns the `webvpn` cookie. Throws with the server's words when it is refused. */
export async function login(
  connection: AnyConnectConnection,
  answers: Readonly<Record<string, string>>,
  path = '/',
): Promise<string> {
  const jar = new Map<string, string>()
  const cookies = (): string => [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  let answer = await connection.post(path, document('init', `<group-access>https://${connection.host}${path}</group-access>`), '')
  for (let round = 0; round < 5; round++) {
    for (const [name, value] of answer.headers) {
      const [, key = '', text = ''] = name.toLowerCase() === 'set-cookie' ? /^([^=]+)=([^;]*)/.exec(value) ?? [] : []
      if (key !== '' && text !== '') jar.set(key, text)
    }
    if (answer.status !== 200) throw new Error(`status ${answer.status} ${answer.statusText}`)
    if (/<auth id="success"/.test(answer.body)) {
      const cookie = /<session-token>([^<]+)</.exec(answer.body)?.[1] ?? jar.get('webvpn')
      if (cookie === undefined) throw new Error('success without a session token')
      return cookie
    }
    const [, attributes = '', text] = /<error\b([^>]*)>([^<]*)/.exec(answer.body) ?? []
    if (text !== undefined) throw new Error(text.replace('%s', /\bparam1="([^"]*)"/.exec(attributes)?.[1] ?? ''))
    const inputs = [...answer.body.matchAll(/<input\b[^>]*>/g)].map(([tag]) => ({
      name: /\bname="([^"]*)"/.exec(tag)?.[1] ?? '',
      type: /\btype="([^"]*)"/.exec(tag)?.[1] ?? '',
      value: /\bvalue="([^"]*)"/.exec(tag)?.[1] ?? '',
    }))
    const fields = inputs
      .filter(({ type }) => type !== 'submit' && type !== 'reset')
      .map(({ name, value }) => `<${name}>${escape(answers[name] ?? value)}</${name}>`)
    const opaque = /<opaque\b[\s\S]*?<\/opaque>/.exec(answer.body)?.[0] ?? ''
    const group = answers.group === undefined ? '' : `<group-select>${escape(answers.group)}</group-select>`
    const action = /<form\b[^>]*\baction="([^"]+)"/.exec(answer.body)?.[1] ?? '/'
    answer = await connection.post(action, document('auth-reply', `${opaque}<auth>${fields.join('')}</auth>${group}`), cookies())
  }
  throw new Error(`no success after five forms: ${answer.body}`)
}
