import type { TunnelFilter, TunnelSpec } from '../dataplane.ts'

/** What the control plane keeps of a tunnel: `updateTunnel` leaves alone the secrets that it is not given. */
export function bareSpec(spec: TunnelSpec): TunnelSpec {
  if (!spec.dtls) return spec
  const { mode, id, ciphers, helloVerify, formerFirst } = spec.dtls
  return { ...spec, dtls: { mode, id, ciphers, helloVerify, ...(formerFirst !== undefined && { formerFirst }) } }
}

/** The specification, less some of its fields. */
export function without<K extends keyof TunnelSpec>(spec: TunnelSpec, ...fields: readonly K[]): Omit<TunnelSpec, K> {
  const rest: Partial<TunnelSpec> = { ...spec }
  for (const field of fields) delete rest[field]
  return rest as Omit<TunnelSpec, K>
}

export const withFilter = (spec: TunnelSpec, filter: TunnelFilter | undefined): TunnelSpec => ({ ...without(spec, 'filter'), ...(filter && { filter }) })
