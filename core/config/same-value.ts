import { Secret } from './secret.ts'

/** Equal values of a configuration: plain data, maps in their order, secrets by what they hide. */
export function sameValue(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (one instanceof Secret || other instanceof Secret) return one instanceof Secret && other instanceof Secret && one.reveal() === other.reveal()
  if (one instanceof Map || other instanceof Map) return one instanceof Map && other instanceof Map && sameValue([...one], [...other])
  if (one instanceof Date || other instanceof Date) return one instanceof Date && other instanceof Date && one.getTime() === other.getTime()
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const [mine, theirs] = [entries(one), entries(other)]
  return mine.length === theirs.length && mine.every(([key, value]) => sameValue(value, (other as Record<string, unknown>)[key]))
}
const entries = (value: object): [string, unknown][] => Object.entries(value).filter(([, entry]) => entry !== undefined)
