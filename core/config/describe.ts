import type { z, ZodType } from 'zod'
import { nearest } from '../nearest.ts'
import type { Path } from './locate.ts'
import { pathText, type Problems } from './problems.ts'
import { quote } from './written.ts'

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text in quotes', number: 'a number', int: 'a whole number', boolean: 'true or false', array: 'a list', object: 'a table', record: 'a table', map: 'a table', date: 'a date',
}
const found = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : value instanceof Date ? 'a date' : typeof value === 'object' ? 'a table'
  : typeof value === 'string' ? 'text' : typeof value === 'number' && !Number.isInteger(value) ? `${value}` : typeof value === 'boolean' ? `${value}` : 'a number'

const amount = (origin: unknown, limit: number | bigint): string => {
  const unit = origin === 'string' ? ['character', 'characters'] : origin === 'array' || origin === 'set' ? ['entry', 'entries'] : undefined
  return unit ? `${limit} ${limit === 1 ? unit[0] : unit[1]}` : String(limit)
}

/** Zod's issues in the operator's words. A schema's own message goes first, as zod has it. */
const words = (issue: z.core.$ZodRawIssue): string | undefined => {
  if (issue.code === 'invalid_type') return issue.input === undefined ? 'is missing' : `must be ${EXPECTED[issue.expected] ?? issue.expected}, not ${found(issue.input)}`
  if (issue.code === 'too_big') return `must be at most ${amount(issue.origin, issue.maximum)}`
  if (issue.code === 'too_small') {
    const length = issue.origin === 'string' || issue.origin === 'array'
    return length && issue.minimum === 1 ? 'must not be empty' : `must be at least ${amount(issue.origin, issue.minimum)}`
  }
  if (issue.code !== 'invalid_value') return undefined
  if (issue.input === undefined) return 'is missing'
  const given = typeof issue.input === 'string' ? `, not ${quote(issue.input)}` : ''
  return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}${given}`
}

/** Parses one section; every issue becomes a problem at its place. Undefined when there was one. */
export function parseSection<T>(schema: ZodType<T>, value: unknown, path: Path, problems: Problems): { readonly value: T } | undefined {
  const result = schema.safeParse(value, { error: words, reportInput: true })
  if (result.success) return { value: result.data }
  const mistyped = new Set<string>()
  for (const issue of result.error.issues) {
    // A limit on the length says nothing of a value of another type.
    const place = JSON.stringify(issue.path)
    if (!mistyped.has(place)) report(issue, schema, path, [], problems)
    if (issue.code === 'invalid_type') mistyped.add(place)
  }
  return undefined
}

function report(issue: z.core.$ZodIssue, schema: ZodType, base: Path, inner: Path, problems: Problems): void {
  const relative = [...inner, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]
  const path = [...base, ...relative]
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      const guess = nearest(key, keysAt(schema, relative))
      problems.add([...path, key], `unknown key ${quote(key)} in [${pathText(path)}]${guess === undefined ? '' : `; did you mean "${guess}"?`}`, 'key')
    }
    return
  }
  if (issue.code === 'invalid_union') {
    // The alternative of the right type tells what is wrong inside it.
    const fitting = issue.errors.find((errors) => errors.every((error) => error.path.length > 0 || error.code !== 'invalid_type'))
    if (fitting) return fitting.forEach((error) => report(error, schema, base, relative, problems))
    const types = issue.errors.flatMap((errors) => errors.flatMap((error) => (error.code === 'invalid_type' ? [EXPECTED[error.expected] ?? error.expected] : [])))
    return problems.add(path, `${pathText(path)}: must be ${[...new Set(types)].join(' or ') || 'something else'}`)
  }
  problems.add(path, `${pathText(path)}: ${issue.message}`)
}

/** Names that the object schema at `path` knows. */
function keysAt(schema: ZodType, path: Path): string[] {
  let at = [unwrap(schema)]
  for (const part of path) {
    at = at.flatMap((step) => {
      const next = step.shape?.[part] ?? step.element ?? step.valueType
      return next ? [unwrap(next)] : (step.options ?? []).flatMap((option) => [unwrap(option)])
    })
  }
  return at.flatMap((step) => [step, ...(step.options ?? []).map(unwrap)]).flatMap((step) => Object.keys(step.shape ?? {}))
}
interface Definition {
  readonly shape?: Readonly<Record<string | number, ZodType>>
  readonly element?: ZodType
  readonly valueType?: ZodType
  readonly options?: readonly ZodType[]
  readonly innerType?: ZodType
  readonly in?: ZodType
}
function unwrap(schema: ZodType): Definition {
  const definition = schema.def as Definition
  const inner = definition.innerType ?? definition.in
  return inner ? unwrap(inner) : definition
}
