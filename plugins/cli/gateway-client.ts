import { request } from 'node:http'
import { ERROR_CODES, GatewayError, type CommandInput, type CommandResult, type ErrorCode } from '../../core/api.ts'

/** Bytes of an answer. */
const ANSWER_LIMIT = 256 << 20
/** Milliseconds without a byte. */
const SILENCE_LIMIT_MS = 600_000

/** Runs a command in the gateway behind the socket; undefined when none answers there. Throws its refusal. */
export async function askGateway(socketPath: string, path: string, { args, options, secret }: CommandInput): Promise<CommandResult | undefined> {
  let answer: string
  try {
    answer = await post(socketPath, `/v1/commands/${path.replaceAll(' ', '/')}`, JSON.stringify({ args, options, secret }))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return undefined
    if (code === 'EACCES' || code === 'EPERM') throw new GatewayError('REFUSED', `permission denied on ${socketPath}: be root or in the group of the socket`, { cause: error })
    throw new GatewayError('REFUSED', `the gateway did not answer on ${socketPath}: ${message}`, { cause: error })
  }
  return result(answer)
}

function result(answer: string): CommandResult {
  let value: { data?: unknown; text?: unknown; picture?: unknown; error?: { code?: unknown; message?: unknown } }
  try {
    value = JSON.parse(answer) as typeof value
  } catch (error) {
    throw new GatewayError('REFUSED', 'what answers on the socket is not a gateway', { cause: error })
  }
  if (value.error) {
    const { code, message } = value.error
    throw new GatewayError(typeof code === 'string' && code in ERROR_CODES ? (code as ErrorCode) : 'REFUSED', typeof message === 'string' ? message : 'refused')
  }
  const { text, picture } = value
  return { data: value.data, ...(typeof text === 'string' && { text }), ...(typeof picture === 'string' && { picture }) }
}

function post(socketPath: string, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
    const asked = request({ socketPath, path, method: 'POST', headers, agent: false, timeout: SILENCE_LIMIT_MS }, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length > ANSWER_LIMIT) asked.destroy(new Error('the answer is too long'))
        else chunks.push(chunk)
      })
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
      response.on('error', reject)
    })
    asked.on('timeout', () => asked.destroy(new Error('it is silent')))
    asked.on('error', reject)
    asked.end(body)
  })
}
