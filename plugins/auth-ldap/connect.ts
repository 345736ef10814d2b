import { once } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type ConnectionOptions } from 'node:tls'
import { readWhole } from '../../core/api.ts'
import { ldapts } from './ldapts.ts'
import type { ServerConfig } from './config.ts'
import { MessageChannel } from './message-channel.ts'
import { MessageFramer } from './message-framer.ts'

const MAX_PEM = 1 << 20
/** ExtendedRequest 1.3.6.1.4.1.1466.20037 with message id 1 (RFC 4511 section 4.14). */
const START_TLS = Buffer.concat([Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]), Buffer.from('1.3.6.1.4.1.1466.20037')])
const EXTENDED_RESPONSE = 0x78

/** The CA is read at each connection, so that a new one needs no reload. Throws FileRefusal. */
export function tlsOptions({ ca, certificateName }: Pick<ServerConfig, 'ca' | 'certificateName'>): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2', ...(ca !== undefined && { ca: readWhole(ca, MAX_PEM).bytes }),
    ...(isIP(certificateName) === 0 && { servername: certificateName }), checkServerIdentity: (_, certificate) => checkServerIdentity(certificateName, certificate),
  }
}

/** A channel to the server, encrypted as it demands. Rejects with what went wrong; `signal` ends it at any time, later too. */
export async function openChannel(server: ServerConfig, signal: AbortSignal): Promise<MessageChannel> {
  const { host, port, encryption } = server
  let socket: Socket = encryption === 'tls' ? connectTls({ host, port, ...tlsOptions(server) }) : connectTcp({ host, port })
  // Whoever waits for the socket hears of an error; between two of them nobody does, and its end follows.
  socket.on('error', () => undefined)
  const abort = (): void => void socket.destroy(signal.reason as Error)
  signal.addEventListener('abort', abort)
  try {
    signal.throwIfAborted()
    await stands(socket, encryption === 'tls' ? 'secureConnect' : 'connect')
    if (encryption === 'start-tls') {
      await startTls(socket)
      socket = connectTls({ socket, ...tlsOptions(server) })
      socket.on('error', () => undefined)
      await stands(socket, 'secureConnect')
    }
    socket.setNoDelay(true)
    const channel = new MessageChannel(socket)
    signal.addEventListener('abort', () => channel.broken((signal.reason as Error).message))
    return channel
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function stands(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  const closed = new AbortController()
  socket.once('close', () => closed.abort(new Error('the server has closed the connection')))
  try {
    await once(socket, event, { signal: closed.signal })
  } catch (error) {
    throw closed.signal.aborted && (error as Error).name === 'AbortError' ? closed.signal.reason : error
  }
}

/** Nothing may stand behind the answer: whatever is read before TLS and used behind it, anybody on the way could have written. */
async function startTls(socket: Socket): Promise<void> {
  const framer = new MessageFramer()
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const settle = (what: () => void): void => {
      socket.removeListener('data', data)
      socket.removeListener('error', reject)
      socket.pause()
      what()
    }
    const data = (chunk: Buffer): void => {
      try {
        const [first, ...more] = framer.push(chunk)
        if (first && (more.length > 0 || framer.waiting > 0)) throw new Error('bytes behind the answer to StartTLS')
        if (first) settle(() => resolve(first))
      } catch (error) {
        settle(() => reject(error instanceof Error ? error : new Error(String(error))))
      }
    }
    socket.on('data', data)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the server has closed the connection')))
    socket.write(START_TLS)
  })
  const reader = new (ldapts().BerReader)(answer)
  reader.readSequence()
  const [id, operation, result] = [reader.readInt(), reader.readSequence(), reader.readEnumeration()]
  if (id !== 1 || operation !== EXTENDED_RESPONSE || result !== 0) throw new Error(`the server refuses StartTLS (result ${result ?? 'none'})`)
}
