import { locate } from '../config/locate.ts'
import { parseSection } from '../config/describe.ts'
import { ConfigProblems, Problems } from '../config/problems.ts'
import { parseToml } from '../config/toml.ts'
import { ConfigError, GatewayError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { POLICY_KEYS, POLICY_PROPERTIES, PolicySchema, policyUnit } from './keys.ts'
import type { PolicyKey, PolicyValues } from './policy.ts'

/** A layer as it is kept and shown: entries by the names of the file, as the file would have them. */
export type WrittenPolicy = Readonly<Record<string, unknown>>

const propertyOf = (key: string): PolicyKey => {
  const property = POLICY_PROPERTIES.find((candidate) => POLICY_KEYS[candidate].key === key)
  if (property) return property
  const guess = nearest(key, POLICY_PROPERTIES.map((candidate) => POLICY_KEYS[candidate].key))
  throw new GatewayError('USAGE', `there is no policy key ${JSON.stringify(key.slice(0, 64))}${guess === undefined ? '' : `; did you mean "${guess}"?`}`)
}

/**
 * The values of a layer. Throws `USAGE` with one line for each thing that is wrong with it.
 */
export function readPolicy(written: WrittenPolicy): PolicyValues {
  const problems = new Problems('', locate(''))
  const parsed = parseSection(PolicySchema, written, [], problems)
  try {
    problems.throwIfAny()
  } catch (error) {
    if (error instanceof ConfigProblems) throw new GatewayError('USAGE', error.problems.map(({ message }) => message).join('; '), { cause: error })
    throw error
  }
  return parsed?.value ?? {}
}

/**
 * `dpd=10s`, `dns=10.0.0.1,10.0.0.2`, `search+=corp.example`, or a value of TOML (`banner="Hello, you"`): the layer with them.
 * `+=` appends, to what the layer has itself or to what lies below. Throws `USAGE`.
 */
export function assignPolicy(before: WrittenPolicy, assignments: readonly string[]): WrittenPolicy {
  const next: Record<string, unknown> = { ...before }
  for (const assignment of assignments) {
    const [, key = '', plus = '', text = ''] = /^([^=+]*)(\+?)=(.*)$/s.exec(assignment) ?? []
    if (key === '') throw new GatewayError('USAGE', `${JSON.stringify(assignment.slice(0, 64))} is not KEY=VALUE or KEY+=VALUE`)
    const property = propertyOf(key)
    const value = writtenOf(property, text)
    if (plus === '') next[key] = value
    else if (!Array.isArray(value)) throw new GatewayError('USAGE', `${key} is no list: += appends to lists`)
    else next[key] = appended(next[key], value)
  }
  readPolicy(next)
  return next
}

function appended(own: unknown, entries: readonly unknown[]): unknown {
  const all = (list: unknown): unknown[] => [...new Set([...(Array.isArray(list) ? (list as readonly unknown[]) : []), ...entries])]
  if (Array.isArray(own)) return all(own)
  return { append: all((own as { readonly append?: unknown } | undefined)?.append) }
}

/** The layer without these keys. Throws `USAGE` for one that it does not have. */
export function unsetPolicy(before: WrittenPolicy, keys: readonly string[]): WrittenPolicy {
  for (const key of keys) {
    propertyOf(key)
    if (!(key in before)) throw new GatewayError('USAGE', `${key} is not set`)
  }
  return Object.fromEntries(Object.entries(before).filter(([key]) => !keys.includes(key)))
}

/** Bare words need no quotes: their type is that of the key. */
function writtenOf(property: PolicyKey, text: string): unknown {
  if (/^(["'[{])/.test(text)) return tomlValue(text)
  const { builtIn } = POLICY_KEYS[property]
  if (Array.isArray(builtIn)) return text === '' ? [] : text.split(',').map((entry) => entry.trim())
  if (typeof builtIn === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  if (typeof builtIn === 'number' && policyUnit(property).unit === undefined && /^\d{1,9}$/.test(text)) return Number(text)
  return text
}

function tomlValue(text: string): unknown {
  try {
    return parseToml(`value = ${text.replaceAll('\n', ' ')}`, '')['value']
  } catch (error) {
    if (error instanceof ConfigError) throw new GatewayError('USAGE', `${JSON.stringify(text.slice(0, 64))} is not a value of TOML`, { cause: error })
    throw error
  }
}
