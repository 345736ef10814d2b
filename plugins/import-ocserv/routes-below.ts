import { lastOf, type Values } from './part.ts'
import { isDefaultRoute } from './policy-layer.ts'
import { isOn } from './values.ts'

const LISTS = ['route', 'no-route'] as const

/** With `append-routes` the routes of everybody stand before the own ones. */
export function withRoutesBelow(own: Values, below: Values): Values {
  const append = lastOf(below, 'append-routes')
  if (!append || !isOn(append.value)) return own
  const joined = new Map(own)
  for (const option of LISTS) {
    const [mine, theirs] = [own.get(option), below.get(option)]
    // Who has everything gets nothing more by a network.
    if (mine && theirs && !theirs.some(({ value }) => isDefaultRoute(value))) joined.set(option, [...theirs, ...mine])
  }
  return joined
}
