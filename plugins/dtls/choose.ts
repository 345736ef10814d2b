import type { DtlsRequest } from './dtls-request.ts'
import { isApproved, type Suite } from './suite.ts'

export type Choice =
  | { readonly mode: 'psk'; readonly suites: readonly Suite[] }
  | { readonly mode: 'resumed'; readonly suite: Suite; readonly masterSecret: Uint8Array }
  /** The tunnel has TLS alone; one line for the log. */
  | { readonly refused: string }

const PSK_NEGOTIATE = 'PSK-NEGOTIATE'

/**
 * Pre-shared key where the client can, else the first suite that it offers for a resumed session (reference/protocol
 * section 9.2). `suites`: those of the gateway, in its order.
 */
export function choose(request: DtlsRequest, suites: readonly Suite[]): Choice {
  const { offered, fips } = request
  const usable = fips ? suites.filter(isApproved) : suites
  const old = offered['X-DTLS-CipherSuite']
  const dtls12 = offered['X-DTLS12-CipherSuite']
  if (old.length === 0 && dtls12.length === 0) return { refused: 'the client asks for none' }
  const shared = usable.filter(({ header }) => header === 'psk')
  if (shared.length > 0 && old.includes(PSK_NEGOTIATE)) return { mode: 'psk', suites: shared }
  const suite = usable.find(({ header, name }) => header !== 'psk' && offered[header].includes(name))
  if (!suite) return { refused: whyNone(request) }
  const masterSecret = request.masterSecret()
  return masterSecret ? { mode: 'resumed', suite, masterSecret } : { refused: 'X-DTLS-Master-Secret is not 96 hexadecimal digits' }
}

function whyNone({ offered, fips }: DtlsRequest): string {
  const modern = offered['X-DTLS12-CipherSuite'].length > 0 || offered['X-DTLS-CipherSuite'].some((name) => name === PSK_NEGOTIATE || /^OC\d?-DTLS1_2-/.test(name))
  if (!modern) return 'the client knows DTLS 0.9 only'
  return `none of the suites that the client offers may be used${fips ? '; it asks for FIPS' : ''}`
}
