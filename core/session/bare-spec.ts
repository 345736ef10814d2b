import type { TunnelFilter, TunnelSpec } from '../dataplane.ts'

/** What the control plane keeps of a tunnel: `updateTunnel` leaves alone the secrets that it is not given. */
export function bareSpec(spec: TunnelSpec): TunnelSpec {
  if (!spec.dtls) return spec
  const { mode, id, ciphers, helloVerify, formerFirst } = spec.dtls
  return { ...spec, dtls: { mode, id, ciphers, helloVerify, ...(formerFirst !== undefined && { formerFirst }) } }
}

export function withFilter({ filter: _, ...spec }: TunnelSpec, filter: TunnelFilter | undefined): TunnelSpec {
  return filter ? { ...spec, filter } : spec
}
