import type { SecondCertificate } from '../../core/api.ts'
import { child, type XmlElement } from './xml-reader.ts'

/** Bytes of one signature: RSA of 16,384 bits. */
export const MAX_SIGNATURE = 2048

/** What a client shows of its second certificate. */
export type ShownCertificate = Omit<SecondCertificate, 'signed'>

/**
 * The second certificate in the `auth` of a client's answer (reference/protocol section 5): of the chains the first that is
 * sent along, the other one is that of the connection. What is no base64 comes out empty. undefined: there is none.
 */
export function shownCertificate(auth: XmlElement | undefined): ShownCertificate | undefined {
  for (const chain of auth?.children ?? []) {
    const certificates = child(chain, 'client-cert')
    const signature = child(chain, 'client-cert-auth-signature')
    if (chain.name !== 'client-cert-chain' || !certificates || !signature) continue
    const known = certificates.attributes.get('cert-format') === 'pkcs7'
    return { certificates: known ? bytes(certificates.text) : NOTHING, hash: signature.attributes.get('hash-algorithm-chosen')?.slice(0, 16) ?? '', signature: bytes(signature.text, MAX_SIGNATURE) }
  }
  return undefined
}

const NOTHING = new Uint8Array(0)

/** Base64 in lines; empty when it is none or decodes to more than `limit` bytes. */
function bytes(text: string, limit = Infinity): Uint8Array {
  const joined = text.replace(/[ \t\r\n]+/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(joined)) return NOTHING
  const decoded = Buffer.from(joined, 'base64')
  return decoded.length > limit ? NOTHING : decoded
}
