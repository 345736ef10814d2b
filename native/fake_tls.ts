import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { TlsContextSpec } from '../core/dataplane.ts'
import { DataPlaneError } from '../core/errors.ts'

/** The addon's refusals: `ERR_TLS_PEM` for text that is no PEM, `ERR_TLS_KEY_MISMATCH` for a key of another certificate. */
export function checkContexts(contexts: readonly TlsContextSpec[]): void {
  if (contexts.length === 0) throw new DataPlaneError('ERR_TLS_PEM', 'tls', 'no TLS context is configured')
  contexts.forEach(({ serverNames, certificates, clientCaPem }, index) => {
    const where = `TLS context ${index + 1}${serverNames[0] === undefined ? '' : ` (${serverNames[0]})`}`
    if (certificates.length === 0) throw new DataPlaneError('ERR_TLS_PEM', 'tls', `${where}: no certificate`)
    certificates.forEach(({ chainPem, keyPem }, number) => {
      const certificate = parsed(() => new X509Certificate(chainPem), `${where}, certificate ${number + 1}: the chain is not PEM`)
      const key = parsed(() => createPrivateKey(keyPem), `${where}, certificate ${number + 1}: the key is not PEM`)
      if (!certificate.checkPrivateKey(key)) {
        throw new DataPlaneError('ERR_TLS_KEY_MISMATCH', 'tls', `${where}, certificate ${number + 1}: the key belongs to another certificate`)
      }
    })
    if (clientCaPem !== undefined) parsed(() => new X509Certificate(clientCaPem), `${where}: the client CA is not PEM`)
  })
}

function parsed<T>(parse: () => T, message: string): T {
  try {
    return parse()
  } catch (cause) {
    throw new DataPlaneError('ERR_TLS_PEM', 'tls', message, { cause })
  }
}
