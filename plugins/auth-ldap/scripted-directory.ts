import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { BerReader, BerWriter, FilterParser } from 'ldapts'
import { MessageFramer } from './message-framer.ts'
import { PASSWORD_POLICY, type PolicyAnswer } from './password-policy.ts'

export type Request =
  | { readonly kind: 'bind'; readonly dn: string; readonly password: string }
  | { readonly kind: 'search'; readonly base: string; readonly scope: number; readonly filter: string }
  | { readonly kind: 'start-tls' }
  | { readonly kind: 'modify-password'; readonly dn: string; readonly old: string; readonly fresh: string }
  /** Values as UTF-16. */
  | { readonly kind: 'modify'; readonly dn: string; readonly changes: readonly string[] }
export interface Found {
  readonly dn: string
  readonly attributes?: Readonly<Record<string, readonly (string | Buffer)[]>>
}
/** A result with its entries, what it says of the password, and bytes before it; bytes as they are; `silence`. */
export type Answer = { readonly code?: number; readonly diagnostic?: string; readonly entries?: readonly Found[]; readonly policy?: PolicyAnswer; readonly before?: Buffer } | Buffer | 'silence'

/** A directory by script on a real TCP socket, with TLS or without. */
export class ScriptedDirectory {
  readonly requests: Request[] = []
  private readonly sockets = new Set<Socket>()
  private constructor(private readonly server: Server) {}

  static async listen(script: (request: Request) => Answer, port = 0, tls?: { readonly cert: string; readonly key: string }): Promise<ScriptedDirectory> {
    const server = tls ? createTlsServer(tls) : createServer()
    const directory = new ScriptedDirectory(server)
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      directory.sockets.add(socket)
      const framer = new MessageFramer()
      socket.on('error', () => socket.destroy())
      socket.on('data', (chunk: Buffer) => {
        for (const message of framer.push(chunk)) {
          const read = readRequest(message)
          if (!read) return void socket.end()
          directory.requests.push(read.request)
          const answer = script(read.request)
          if (answer === 'silence') return
          socket.write(Buffer.isBuffer(answer) ? answer : writeAnswer(read.id, read.request, answer))
        }
      })
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return directory
  }
  get port(): number {
    const address = this.server.address()
    return typeof address === 'object' && address ? address.port : 0
  }
  async close(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy())
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }
}

function readRequest(message: Buffer): { readonly id: number; readonly request: Request } | undefined {
  const reader = new BerReader(message)
  reader.readSequence()
  const id = reader.readInt() ?? 0
  const operation = reader.readSequence()
  if (operation === 0x77) return { id, request: reader.readString(0x80) === PASSWORD_MODIFY ? readPasswordModify(reader) : { kind: 'start-tls' } }
  if (operation === 0x66) return { id, request: readModify(reader) }
  if (operation === 0x60) {
    reader.readInt()
    return { id, request: { kind: 'bind', dn: reader.readString() ?? '', password: reader.readString(0x80) ?? '' } }
  }
  if (operation !== 0x63) return undefined
  const [base, scope] = [reader.readString() ?? '', reader.readEnumeration() ?? 0]
  reader.readEnumeration()
  reader.readInt()
  reader.readInt()
  reader.readBoolean()
  return { id, request: { kind: 'search', base, scope, filter: FilterParser.parse(reader).toString() } }
}

const PASSWORD_MODIFY = '1.3.6.1.4.1.4203.1.11.1'
function readPasswordModify(outer: BerReader): Request {
  const reader = new BerReader(outer.readString(0x81, true) ?? Buffer.alloc(0))
  reader.readSequence()
  const [dn = '', old = '', fresh = ''] = [0x80, 0x81, 0x82].map((tag) => reader.readString(tag) ?? '')
  return { kind: 'modify-password', dn, old, fresh }
}
function readModify(reader: BerReader): Request {
  const dn = reader.readString() ?? ''
  reader.readSequence()
  const changes: string[] = []
  for (const end = reader.offset + reader.length; reader.offset < end;) {
    reader.readSequence()
    const operation = reader.readEnumeration()
    reader.readSequence()
    const type = reader.readString()
    reader.readSequence()
    changes.push(`${operation} ${type} ${reader.readString(0x04, true)?.toString('utf16le')}`)
  }
  return { kind: 'modify', dn, changes }
}

const OPERATION = { 'bind': 0x61, 'search': 0x65, 'start-tls': 0x78, 'modify-password': 0x78, 'modify': 0x67 }
export function writeAnswer(id: number, { kind }: Pick<Request, 'kind'>, { code = 0, diagnostic = '', entries = [], policy, before = Buffer.alloc(0) }: Exclude<Answer, Buffer | string>): Buffer {
  const message = (operation: number, body: (writer: BerWriter) => void, control?: Buffer): Buffer => {
    const writer = new BerWriter()
    writer.startSequence()
    writer.writeInt(id)
    writer.startSequence(operation)
    body(writer)
    writer.endSequence()
    if (control) {
      writer.startSequence(0xa0)
      writer.startSequence()
      writer.writeString(PASSWORD_POLICY)
      writer.writeBuffer(control, 0x04)
      writer.endSequence()
      writer.endSequence()
    }
    writer.endSequence()
    return Buffer.from(writer.buffer)
  }
  return Buffer.concat([
    before,
    ...entries.map(({ dn, attributes = {} }) => message(0x64, (writer) => {
      writer.writeString(dn)
      writer.startSequence()
      for (const [name, values] of Object.entries(attributes)) {
        writer.startSequence()
        writer.writeString(name)
        writer.startSequence(0x31)
        values.forEach((value) => (typeof value === 'string' ? writer.writeString(value) : writer.writeBuffer(value, 0x04)))
        writer.endSequence()
        writer.endSequence()
      }
      writer.endSequence()
    })),
    message(OPERATION[kind], (writer) => {
      writer.writeEnumeration(code)
      writer.writeString('')
      writer.writeString(diagnostic)
    }, policy && writePolicy(policy)),
  ])
}

function writePolicy({ error, graceLeft }: PolicyAnswer): Buffer {
  const writer = new BerWriter()
  writer.startSequence()
  if (graceLeft !== undefined) {
    writer.startSequence(0xa0)
    writer.writeInt(graceLeft, 0x81)
    writer.endSequence()
  }
  if (error !== undefined) writer.writeEnumeration(error, 0x81)
  writer.endSequence()
  return writer.buffer
}
