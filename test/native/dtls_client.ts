import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { DTLS_SUITES, DtlsKeys, prf, type DtlsSuite } from './dtls_suite.ts'

export interface DtlsHello {
  readonly port: number
  readonly address?: string
  /** `session_id` of the ClientHello. */
  readonly id: Uint8Array
  /** `psk`: 32 bytes and a full handshake. `master`: 48 bytes and an abbreviated one, nothing else will do. */
  readonly key: { readonly psk: Uint8Array } | { readonly master: Uint8Array }
  /** OpenSSL's names. */
  readonly ciphers: readonly string[]
  /** Offer extended master secret, as OpenSSL's clients do. */
  readonly ems?: boolean
  readonly limitMs?: number
}
export interface DtlsRecord {
  readonly type: number
  readonly payload: Buffer
}

const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const
const MESSAGE = { clientHello: 1, serverHello: 2, helloVerifyRequest: 3, serverHelloDone: 14, clientKeyExchange: 16, finished: 20 } as const
const VERIFY_BYTES = 12

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])
const vector = (bytes: Uint8Array, lengthBytes: 1 | 2): Buffer => Buffer.concat([lengthBytes === 1 ? Buffer.from([bytes.length]) : u16(bytes.length), bytes])

/**
 * A DTLS 1.2 client of a VPN tunnel (reference/protocol section 9), for loopback: it repeats nothing and takes no fragments.
 * Shares no code with the data plane.
 */
export class DtlsClient {
  readonly #received: DtlsRecord[] = []
  readonly #random = randomBytes(32)
  readonly #transcript: Buffer[] = []
  #epoch = 0
  #sequence = 0
  #messages = 0
  #suite: DtlsSuite | undefined
  #serverRandom: Buffer = Buffer.alloc(0)
  #master: Uint8Array = new Uint8Array()
  #keys: { client: DtlsKeys; server: DtlsKeys } | undefined
  #resumed = false
  #sentFinished = false
  #settled: (up: boolean) => void = () => undefined
  /** OpenSSL's name of the suite in use. */
  cipher = ''
  helloVerified = false
  /** The server chose extended master secret. */
  ems = false
  closed = false
  /** Why the handshake ended early. */
  failure: string | undefined

  private constructor(private readonly hello: DtlsHello, private readonly socket: Socket) {
    socket.on('message', (datagram) => this.#datagram(datagram))
    socket.on('error', () => this.#close())
  }

  /** undefined when there is no channel in time. */
  static async connect(hello: DtlsHello): Promise<DtlsClient | undefined> {
    const { address = '127.0.0.1', port, limitMs = 1500 } = hello
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    await new Promise<void>((done) => socket.connect(port, address, done))
    const client = new DtlsClient(hello, socket)
    const up = await new Promise<boolean>((done) => {
      const limit = setTimeout(() => done(false), limitMs)
      client.#settled = (good) => {
        clearTimeout(limit)
        done(good)
      }
      client.#clientHello(Buffer.alloc(0))
    })
    // A channel that nobody ends must not keep a test's process.
    socket.unref()
    if (up) return client
    client.destroy()
    return undefined
  }

  /** One record: type as in CSTP, then its payload. */
  write(type: number, payload: Uint8Array | string = ''): void {
    if (!this.closed) this.#record(CONTENT.data, Buffer.concat([Buffer.from([type]), Buffer.from(payload as Uint8Array)]))
  }
  records(): readonly DtlsRecord[] {
    return this.#received
  }
  /** close_notify. */
  end(): void {
    this.#record(CONTENT.alert, Buffer.from([1, 0]))
    this.#close()
  }
  /** Without a word. */
  destroy(): void {
    this.#close()
  }

  #clientHello(cookie: Buffer): void {
    this.#transcript.length = 0
    const codes = this.hello.ciphers.map((name) => u16(DTLS_SUITES[name]?.code ?? 0))
    const extensions = this.hello.ems ? Buffer.from([0, 23, 0, 0]) : Buffer.alloc(0)
    this.#message(MESSAGE.clientHello, Buffer.concat([
      Buffer.from([0xfe, 0xfd]), this.#random, vector(this.hello.id, 1), vector(cookie, 1), vector(Buffer.concat(codes), 2), Buffer.from([1, 0]), vector(extensions, 2),
    ]))
  }
  #datagram(datagram: Buffer): void {
    try {
      for (let at = 0; at + 13 <= datagram.length && !this.closed;) {
        const length = datagram.readUInt16BE(at + 11)
        const number = datagram.subarray(at + 3, at + 11)
        const payload = datagram.subarray(at + 13, at + 13 + length)
        const type = datagram[at] ?? 0
        at += 13 + length
        if (number.readUInt16BE(0) === 0) this.#clear(type, payload)
        else if (this.#keys) this.#opened(type, this.#keys.server.open(number, type, payload))
      }
    } catch (error) {
      this.failure = String(error)
      this.#settled(false)
    }
  }
  #clear(type: number, payload: Buffer): void {
    if (type === CONTENT.alert) throw new Error(`alert ${payload[1]}`)
    if (type !== CONTENT.handshake) return
    for (let at = 0; at + 12 <= payload.length;) {
      const length = payload.readUIntBE(at + 1, 3)
      this.#handshake(payload[at] ?? 0, payload.subarray(at, at + 12 + length))
      at += 12 + length
    }
  }
  #opened(type: number, plain: Buffer): void {
    if (type === CONTENT.handshake && plain[0] === MESSAGE.finished) return this.#serverFinished(plain)
    if (type === CONTENT.alert) return this.#close()
    if (type === CONTENT.data) this.#received.push({ type: plain[0] ?? 0, payload: plain.subarray(1) })
  }

  #handshake(type: number, message: Buffer): void {
    const body = message.subarray(12)
    if (type === MESSAGE.helloVerifyRequest) {
      this.helloVerified = true
      return this.#clientHello(body.subarray(3))
    }
    this.#transcript.push(message)
    if (type === MESSAGE.serverHello) this.#serverHello(body)
    if (type === MESSAGE.serverHelloDone) this.#answerPsk()
  }
  #serverHello(body: Buffer): void {
    this.#serverRandom = Buffer.from(body.subarray(2, 34))
    const idEnd = 35 + (body[34] ?? 0)
    const code = body.readUInt16BE(idEnd)
    this.cipher = this.hello.ciphers.find((name) => DTLS_SUITES[name]?.code === code) ?? ''
    this.#suite = DTLS_SUITES[this.cipher]
    if (!this.#suite) throw new Error(`the server chose suite ${code.toString(16)}`)
    for (let at = idEnd + 5; at + 4 <= body.length; at += 4 + body.readUInt16BE(at + 2)) this.ems ||= body.readUInt16BE(at) === 23
    if (!('master' in this.hello.key)) return
    if (Buffer.compare(body.subarray(35, idEnd), this.hello.id) !== 0) throw new Error('the server does not resume')
    this.#resumed = true
    this.#derive(this.hello.key.master)
  }
  #answerPsk(): void {
    if (!('psk' in this.hello.key) || !this.#suite) throw new Error('a full handshake where none was asked for')
    const { psk } = this.hello.key
    this.#message(MESSAGE.clientKeyExchange, vector(Buffer.from('psk'), 2))
    const premaster = Buffer.concat([vector(Buffer.alloc(psk.length), 2), vector(psk, 2)])
    const { hash } = this.#suite
    this.#derive(this.ems
      ? prf(hash, premaster, 'extended master secret', this.#transcriptHash(), 48)
      : prf(hash, premaster, 'master secret', Buffer.concat([this.#random, this.#serverRandom]), 48))
    this.#finish()
  }
  #derive(master: Uint8Array): void {
    if (!this.#suite) return
    this.#master = master
    this.#keys = DtlsKeys.derive(this.#suite, master, { client: this.#random, server: this.#serverRandom })
  }
  #serverFinished(message: Buffer): void {
    if (!timingSafeEqual(message.subarray(12), this.#verifyData('server finished'))) throw new Error('the server\'s Finished is wrong')
    this.#transcript.push(message)
    if (this.#resumed && !this.#sentFinished) this.#finish()
    this.#settled(true)
  }
  #finish(): void {
    this.#sentFinished = true
    this.#record(CONTENT.changeCipherSpec, Buffer.from([1]))
    const verify = this.#verifyData('client finished')
    this.#epoch = 1
    this.#sequence = 0
    this.#message(MESSAGE.finished, verify)
  }
  #transcriptHash(): Buffer {
    return createHash(this.#suite?.hash ?? 'sha256').update(Buffer.concat(this.#transcript)).digest()
  }
  #verifyData(label: string): Buffer {
    return prf(this.#suite?.hash ?? 'sha256', this.#master, label, this.#transcriptHash(), VERIFY_BYTES)
  }

  #message(type: number, body: Buffer): void {
    const head = Buffer.alloc(12)
    head[0] = type
    head.writeUIntBE(body.length, 1, 3)
    head.writeUInt16BE(this.#messages++, 4)
    head.writeUIntBE(body.length, 9, 3)
    const message = Buffer.concat([head, body])
    this.#transcript.push(message)
    this.#record(CONTENT.handshake, message)
  }
  #record(type: number, plain: Buffer): void {
    if (this.closed) return
    const number = Buffer.alloc(8)
    number.writeUInt16BE(this.#epoch, 0)
    number.writeUIntBE(this.#sequence++, 2, 6)
    const payload = this.#epoch === 0 ? plain : (this.#keys?.client.seal(number, type, plain) ?? plain)
    this.socket.send(Buffer.concat([Buffer.from([type, 0xfe, 0xfd]), number, u16(payload.length), payload]))
  }
  #close(): void {
    if (this.closed) return
    this.closed = true
    // What was sent last must leave first.
    setImmediate(() => this.socket.close())
  }
}
