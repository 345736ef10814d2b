import type { ClientCertificates } from '../client-certificates.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { groupsAt } from '../config/hosts.ts'
import type { TlsContextSpec } from '../dataplane.ts'

/**
 * The contexts as `loadTlsContexts` makes them, the gateway's own first and one for each host: those ask for a certificate where a
 * group of that place has the step. Elsewhere nobody is asked, because some clients show a list to pick from.
 */
export function withClientRequest(contexts: readonly TlsContextSpec[], config: GatewayConfig, wanted: ClientCertificates | undefined): readonly TlsContextSpec[] {
  if (!wanted) return contexts
  const places = [undefined, ...config.hosts.keys()]
  const caPem = wanted.authorities()
  return contexts.map((context, index) => {
    const asks = groupsAt(config, places[index]).some(({ auth }) => auth.some((chain) => chain.some((step) => wanted.backends.includes(step))))
    return asks ? { ...context, requestClientCertificate: true, ...(caPem !== undefined && { clientCaPem: caPem }) } : context
  })
}
