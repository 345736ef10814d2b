import { X509Certificate } from 'node:crypto'
import { FileRefusal, GatewayError, readWhole } from '../../core/api.ts'

const MAX_CA_BYTES = 1024 * 1024
export const MAX_LIST_BYTES = 16 * 1024 * 1024
const block = (label: string): RegExp => new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g')

const refuse = (file: string, message: string, cause?: unknown): never => {
  throw new GatewayError('TLS_CERTIFICATE', `${file}: ${message}`, { cause })
}

function contentOf(file: string, limit: number): Buffer {
  try {
    return readWhole(file, limit).bytes
  } catch (error) {
    if (error instanceof FileRefusal) return refuse(file, error.message, error)
    throw error
  }
}

/** PEM of the certificates in a file, each found readable. Throws `TLS_CERTIFICATE`, one line that names the file. */
export function readAuthorities(file: string): string {
  const blocks = [...contentOf(file, MAX_CA_BYTES).toString('latin1').matchAll(block('CERTIFICATE'))].map(([text]) => text)
  if (blocks.length === 0) return refuse(file, 'is not a PEM certificate')
  blocks.forEach((text, index) => {
    try {
      new X509Certificate(text)
    } catch (error) {
      refuse(file, `certificate ${index + 1} is damaged`, error)
    }
  })
  return `${blocks.join('\n')}\n`
}

/** DER of the revocation lists in PEM (`X509 CRL`) or DER; empty when there is none. */
export function listsIn(bytes: Uint8Array): readonly Uint8Array[] {
  const blocks = [...Buffer.from(bytes).toString('latin1').matchAll(block('X509 CRL'))].map(([, base64 = '']) => Buffer.from(base64, 'base64'))
  if (blocks.length > 0) return blocks
  return bytes[0] === 0x30 ? [bytes] : []
}

/** Throws `TLS_CERTIFICATE`. */
export function readLists(file: string): readonly Uint8Array[] {
  const lists = listsIn(contentOf(file, MAX_LIST_BYTES))
  return lists.length > 0 ? lists : refuse(file, 'is no revocation list')
}
