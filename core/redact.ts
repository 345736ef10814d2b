const SECRET = /^pass$|pass(?:word|wd|phrase)|secret|cookie|token|authorization|credential|^otp$|(?:^|[-_.])keys?(?:$|[-_.]?pem$)/i
const CAMEL_KEY = /[a-z]Key(?:s|Pem)?$|^keyPem$/
/** Names that were looked at already; there are few, unless a peer makes them up. */
const known = new Map<string, boolean>()
const KNOWN_NAMES = 1000
const KNOWN_LENGTH = 64

function isSecret(name: string): boolean {
  const before = known.get(name)
  if (before !== undefined) return before
  const secret = SECRET.test(name) || CAMEL_KEY.test(name)
  if (known.size < KNOWN_NAMES && name.length <= KNOWN_LENGTH) known.set(name, secret)
  return secret
}
const MAX_DEPTH = 6
const MAX_TEXT = 2048
const MAX_ITEMS = 100

/**
 * A value fit for the log: secrets by name are masked at any depth, bytes become their number, text is cut at 2048
 * characters, lists at 100 items. An object that knows how to print itself (`toJSON`, as Secret does) is believed.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}...` : value
  if (typeof value === 'bigint') return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '...'
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (value instanceof Error) return redactError(value, depth)
  if (value instanceof Map) return redact(Object.fromEntries(value), depth)
  if (Array.isArray(value) || value instanceof Set) return [...value].slice(0, MAX_ITEMS).map((item) => redact(item, depth + 1))
  if ('toJSON' in value && typeof value.toJSON === 'function') return redact((value as { toJSON(): unknown }).toJSON(), depth + 1)
  return redactFields(value, depth)
}

export function redactFields(fields: object, depth = 0): Record<string, unknown> {
  const masked: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(fields)) {
    masked[key] = isSecret(key) && item !== undefined ? '***' : redact(item, depth + 1)
  }
  return masked
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  return {
    name: error.name,
    message: redact(error.message, depth + 1),
    ...('code' in error ? { code: error.code } : {}),
    stack: redact(error.stack, depth + 1),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  }
}
