import type { HttpRequest } from '../../core/api.ts'

/**
 * Host parts by which a client says it dialled this gateway, each once: of `group-access`, of the Host header, and the
 * server name of its TLS. Lower case, no port, no brackets, no trailing dot; what is not a host is left out.
 */
export function dialledNames(groupAccess: string | undefined, { headers, connection }: Pick<HttpRequest, 'headers' | 'connection'>): readonly string[] {
  const names = [hostOf(groupAccess), hostOf(`https://${headers.get('host')?.[0] ?? ''}`), hostOf(`https://${connection.serverName ?? ''}`)]
  return [...new Set(names.filter((name) => name !== undefined))]
}

function hostOf(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined
  const name = new URL(url).hostname.toLowerCase().replace(/^\[|\]$/g, '').replace(/\.$/, '')
  return name === '' ? undefined : name
}

/** `https://name[:port]` by which the client has reached the gateway; `fallback` where its Host header names nobody. */
export function dialledOrigin({ headers }: Pick<HttpRequest, 'headers'>, fallback: string): string {
  const url = `https://${headers.get('host')?.[0] ?? ''}`
  return hostOf(url) === undefined ? `https://${fallback}` : new URL(url).origin
}
