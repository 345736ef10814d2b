const DAY_MS = 86_400_000
const DATE = /^\d{4}-\d{2}-\d{2}$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/

/**
 * `2027-01-31`: valid through the end of that day in UTC; or an RFC 3339 time; or `none`.
 * Gives milliseconds, `'none'`, or undefined for anything else.
 */
export function parseExpiry(text: string): number | 'none' | undefined {
  if (text === 'none') return 'none'
  if (!DATE.test(text) && !TIME.test(text)) return undefined
  const at = Date.parse(text)
  if (Number.isNaN(at)) return undefined
  // Date.parse turns 2027-02-31 into March.
  if (DATE.test(text)) return new Date(at).toISOString().startsWith(text) ? at + DAY_MS : undefined
  return at
}
