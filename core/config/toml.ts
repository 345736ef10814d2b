import { parse } from 'toml'
import { ConfigError } from '../errors.ts'
import { quote } from './written.ts'

export type Table = Readonly<Record<string, unknown>>

/** UTF-8 without a byte order mark; ConfigError with the line of the first bad byte. */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const before = new TextDecoder('utf-8').decode(bytes).split('\uFFFD', 1)[0] ?? ''
    throw new ConfigError('is not UTF-8 text', { file, line: before.split('\n').length, column: before.length - before.lastIndexOf('\n') }, { cause: error })
  }
}

/** Values of a TOML text. Every refusal of the parser leaves as ConfigError with line and column. */
export function parseToml(text: string, file: string): Table {
  try {
    return parse(text, { maxDepth: 32 }) as Table
  } catch (error) {
    throw refusal(error, file)
  }
}

/** What the parser throws: SyntaxError with `location` from the grammar, Error with `line` and `column` from the compiler. */
interface TomlError {
  readonly message: string
  readonly found?: string | null
  readonly location?: { readonly start: { readonly line: number; readonly column: number } }
  readonly line?: number
  readonly column?: number
}

function refusal(error: unknown, file: string): ConfigError {
  const given = error as TomlError
  const { line, column } = given.location?.start ?? { line: given.line ?? 1, column: given.column ?? 1 }
  return new ConfigError(reason(given), { file, line, column }, { cause: error })
}

function reason({ message, found, location }: TomlError): string {
  if (location) {
    if (found === null || found === undefined) return 'the text ends in the middle of something'
    return found === '\n' || found === '\r' ? 'unexpected end of line' : `unexpected ${quote(found)}`
  }
  const twice = /^Cannot redefine existing key '(.*)'\.$/s.exec(message)
  if (twice) return `${quote(twice[1] ?? '')} is defined twice`
  const large = /^Integer (-?\d+) /.exec(message)
  if (large) return `the number ${(large[1] ?? '').slice(0, 40)} is too large`
  const [line = 'is not TOML'] = message.split('\n', 1)
  return line.slice(0, 200).replace(/\p{C}/gu, '?').replace(/\.$/, '')
}
