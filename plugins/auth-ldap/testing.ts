import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { BerReader, BerWriter, FilterParser } from 'ldapts'
import { MessageFramer } from './message-framer.ts'

export type Request =
  | { readonly kind: 'bind'; readonly dn: string; readonly password: string }
  | { readonly kind: 'search'; readonly base: string; readonly scope: number; readonly filter: string }
  | { readonly kind: 'start-tls' }
export interface Found {
  readonly dn: string
  readonly attributes?: Readonly<Record<string, readonly string[]>>
}
/** A result with its entries, and bytes before it; bytes as they are; `silence`. */
export type Answer = { readonly code?: number; readonly diagnostic?: string; readonly entries?: readonly Found[]; readonly before?: Buffer } | Buffer | 'silence'

/** A directory by script on a real TCP socket. */
export class ScriptedDirectory {
  readonly requests: Request[] = []
  private readonly sockets = new Set<Socket>()
  private constructor(private readonly server: Server) {}

  static async listen(script: (request: Request) => Answer, port = 0): Promise<ScriptedDirectory> {
    const server = createServer()
    const directory = new ScriptedDirectory(server)
    server.on('connection', (socket) => {
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
  if (operation === 0x77) return { id, request: { kind: 'start-tls' } }
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

const OPERATION = { 'bind': 0x61, 'search': 0x65, 'start-tls': 0x78 }
export function writeAnswer(id: number, { kind }: Pick<Request, 'kind'>, { code = 0, diagnostic = '', entries = [], before = Buffer.alloc(0) }: Exclude<Answer, Buffer | string>): Buffer {
  const message = (operation: number, body: (writer: BerWriter) => void): Buffer => {
    const writer = new BerWriter()
    writer.startSequence()
    writer.writeInt(id)
    writer.startSequence(operation)
    body(writer)
    writer.endSequence()
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
        values.forEach((value) => writer.writeString(value))
        writer.endSequence()
        writer.endSequence()
      }
      writer.endSequence()
    })),
    message(OPERATION[kind], (writer) => {
      writer.writeEnumeration(code)
      writer.writeString('')
      writer.writeString(diagnostic)
    }),
  ])
}
