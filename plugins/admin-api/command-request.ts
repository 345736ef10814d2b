import { z } from 'zod'
import { GatewayError, type CommandInput } from '../../core/api.ts'

/** Bytes of UTF-8 of what the command line may read as a secret. */
const SECRET_LIMIT = 1024

const CommandRequest = z.strictObject({
  args: z.record(z.string(), z.string()).default({}),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).default({}),
  secret: z.string().max(SECRET_LIMIT).optional(),
})

const PREFIX = '/v1/commands/'
const PATH = /^[a-z0-9-]+(\/[a-z0-9-]+){0,3}$/

/** `/v1/commands/user/add` -> `user add`; undefined: not the address of a command. */
export function commandPath(url: string): string | undefined {
  const path = url.slice(PREFIX.length)
  return url.startsWith(PREFIX) && url.length < 200 && PATH.test(path) ? path.replaceAll('/', ' ') : undefined
}

/** The body of a command's request. Throws `USAGE`; the text never repeats a value. */
export function parseCommandRequest(body: string, actor: string): CommandInput {
  let value: unknown
  try {
    value = body === '' ? {} : JSON.parse(body)
  } catch {
    throw new GatewayError('USAGE', 'the request is not JSON')
  }
  const parsed = CommandRequest.safeParse(value)
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.')
    throw new GatewayError('USAGE', `the request is not {args, options, secret}${where ? `: see ${where.slice(0, 80)}` : ''}`)
  }
  const { args, options, secret } = parsed.data
  return { args, options, actor, ...(secret === undefined ? {} : { secret }) }
}
