import type { Identity, PolicyLayer } from '../../core/api.ts'

/**
 * What the steps of a chain prove together; undefined when they name different users (case aside) or nobody was asked. The
 * last spelling of the name counts. Groups: of the first step whose groups decide, else of the first that knows any.
 * Policy: key by key, the later step before the earlier. One ticket stays as it is; several stand in a JSON object by source.
 */
export function mergedIdentity(proved: readonly Identity[]): Identity | undefined {
  const last = proved.at(-1)
  if (!last || proved.some(({ user }) => user.toLowerCase() !== last.user.toLowerCase())) return undefined
  if (proved.length === 1) return last
  const grouped = proved.find(({ groupsDecide }) => groupsDecide === true) ?? proved.find(({ groups }) => groups.length > 0) ?? last
  const attributes = mergedLayer(proved.flatMap((one) => one.attributes ?? []))
  const tickets = proved.flatMap(({ source, ticket }) => (ticket === undefined ? [] : [[source, ticket] as const]))
  const ticket = tickets.length < 2 ? tickets[0]?.[1] : JSON.stringify(Object.fromEntries(tickets))
  return {
    user: last.user,
    groups: grouped.groups,
    ...(grouped.groupsDecide === true ? { groupsDecide: true } : {}),
    ...(attributes === undefined ? {} : { attributes }),
    ...(ticket === undefined ? {} : { ticket }),
    source: proved.map(({ source }) => source).join('+'),
  }
}

function mergedLayer(layers: readonly PolicyLayer[]): PolicyLayer | undefined {
  if (layers.length < 2) return layers[0]
  const append = Object.assign({}, ...layers.map(({ values }) => values.append ?? {})) as object
  const values = Object.assign({}, ...layers.map((layer) => layer.values)) as PolicyLayer['values']
  return { origin: layers.map(({ origin }) => origin).join(', '), values: { ...values, ...(Object.keys(append).length > 0 ? { append } : {}) } }
}
