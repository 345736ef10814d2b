import { ConfigError } from '../errors.ts'
import type { Locations, Path } from './locate.ts'
import { quote } from './written.ts'

export interface ConfigProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Path of the key, `policy.mtu`; empty for the text itself. */
  readonly key: string
  readonly message: string
}

/** Everything that is wrong with a configuration, in the order of the file; one line each. */
export class ConfigProblems extends ConfigError {
  readonly problems: readonly ConfigProblem[]
  constructor(problems: readonly [ConfigProblem, ...ConfigProblem[]]) {
    super(problems[0].message, problems[0])
    this.problems = problems
    this.message = problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n')
  }
}

const SHOWN = 50

/** Collects problems of one file. */
export class Problems {
  private readonly list: ConfigProblem[] = []
  constructor(private readonly file: string, private readonly locations: Locations) {}

  get count(): number {
    return this.list.length
  }
  /** `about: 'key'` points at the name, else at the value. */
  add(path: Path, message: string, about: 'key' | 'value' = 'value'): void {
    this.list.push({ file: this.file, ...this.locations[about](path), key: pathText(path), message })
  }
  throwIfAny(): void {
    const sorted = this.list.sort((a, b) => a.line - b.line || a.column - b.column)
    const [first, ...rest] = sorted.slice(0, SHOWN)
    if (!first) return
    const more = sorted.length - SHOWN
    throw new ConfigProblems(more > 0 ? [first, ...rest, { ...first, line: sorted[SHOWN]!.line, column: sorted[SHOWN]!.column, key: '', message: `and ${more} more` }] : [first, ...rest])
  }
}

/** `auth-radius.server[0].address`; odd keys in quotes. */
export function pathText(path: Path): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${/^[\w-]{1,64}$/.test(part) ? part : quote(part)}`)).join('')
  return text.startsWith('.') ? text.slice(1) : text
}
