import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { GatewayError, type Commands, type Logger } from '../../core/api.ts'
import { errorAnswer, refusalAnswer, resultAnswer, type Answer } from './answer.ts'
import { commandPath, parseCommandRequest } from './command-request.ts'

export const BODY_LIMIT = 1 << 20
export const CONNECTION_LIMIT = 32
const REQUEST_TIMEOUT_MS = 30_000

/** Whoever may open the socket is the administrator. */
const ACTOR = 'cli'

/** `POST /v1/commands/<path>` on the command registry. Not yet listening; the socket is somebody else's noun. */
export function commandServer(commands: Commands, log: Logger, requestTimeoutMs = REQUEST_TIMEOUT_MS): Server {
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.min(requestTimeoutMs, 5_000), keepAliveTimeout: 5_000 },
    (request, response) => {
      void answer(request, commands, log).then((reply) => send(request, response, reply))
    },
  )
  server.maxConnections = CONNECTION_LIMIT
  return server
}

async function answer(request: IncomingMessage, commands: Commands, log: Logger): Promise<Answer> {
  const path = commandPath(request.url ?? '')
  if (path === undefined || !commands.has(path)) return errorAnswer(404, 'USAGE', path === undefined ? 'there is nothing here' : `there is no command "${path}" in this gateway`)
  if (request.method !== 'POST') return errorAnswer(405, 'USAGE', 'commands are run with POST')
  try {
    const body = await readBody(request)
    if (body === undefined) return errorAnswer(413, 'USAGE', `a request has at most ${BODY_LIMIT} bytes`)
    return resultAnswer(await commands.run(path, parseCommandRequest(body, ACTOR)))
  } catch (error) {
    if (error instanceof GatewayError && error.code !== 'INTERNAL') return refusalAnswer(error)
    const id = randomBytes(4).toString('hex')
    log.error('command failed', { command: path, id, error })
    return errorAnswer(500, 'INTERNAL', `internal error ${id}; the log of the gateway has the cause`)
  }
}

/** undefined: too long. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > BODY_LIMIT) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function send(request: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return
  // What was not read is not worth reading.
  const unread = !request.complete
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...(unread ? { Connection: 'close' } : {}) })
  response.end(body)
}
