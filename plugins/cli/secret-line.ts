import { GatewayError } from '../../core/api.ts'

export const SECRET_LIMIT = 1024

/** The first line of standard input without its end. Throws `USAGE` when it is empty, too long or not UTF-8. */
export async function readSecretLine(input: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk)
    const end = bytes.indexOf(0x0a)
    const part = end < 0 ? bytes : bytes.subarray(0, end)
    chunks.push(part)
    length += part.length
    if (end >= 0 || length > SECRET_LIMIT + 1) break
  }
  const line = Buffer.concat(chunks)
  const secret = line.at(-1) === 0x0d ? line.subarray(0, -1) : line
  if (secret.length === 0) throw new GatewayError('USAGE', 'nothing came on standard input')
  if (secret.length > SECRET_LIMIT) throw new GatewayError('USAGE', `the line on standard input has more than ${SECRET_LIMIT} bytes`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(secret)
  } catch (error) {
    throw new GatewayError('USAGE', 'the line on standard input is not UTF-8', { cause: error })
  }
}
