import { createPrivateKey } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { CheckFinding } from '../plugin.ts'
import { FileRefusal } from '../config/files.ts'
import { GatewayError } from '../errors.ts'
import { isFor } from './certificate.ts'
import { checkPair, readPair, type CertificatePair } from './certificate-pair.ts'
import { writePrivately } from './pem-file.ts'
import { hostAddresses, makeSelfSigned } from './self-signed.ts'

const RENEW_BEFORE_MS = 30 * 86_400_000

export const ownCertificateFile = (dataDirectory: string): string => join(dataDirectory, 'tls', 'self-signed.pem')

/**
 * The gateway's self-signed certificate: key and certificate in one file, so that they can never be of two minds. Made
 * when there is none, renewed 30 days before its end and for a new name of the gateway or of its `hosts`, with the same key: clients that pinned it go on.
 * `keep: false` writes nothing.
 */
export async function ownCertificate(
  dataDirectory: string,
  spec: { readonly name: string; readonly now: number; readonly keep: boolean; readonly hosts: readonly string[]; readonly alsoFor: readonly string[] },
): Promise<{ readonly pair: CertificatePair; readonly findings: readonly CheckFinding[] }> {
  const file = ownCertificateFile(dataDirectory)
  const findings: CheckFinding[] = []
  const existing = existsSync(file) ? readExisting(file, findings) : undefined
  if (existing && [spec.name, ...spec.hosts].every((name) => isFor(existing.leaf, name)) && Date.parse(existing.leaf.validTo) - spec.now > RENEW_BEFORE_MS) return { pair: existing, findings }
  const made = await makeSelfSigned({
    name: spec.name, now: spec.now, alsoFor: [...spec.alsoFor, ...hostAddresses()], ...(existing && { key: createPrivateKey(existing.keyPem) }),
  })
  const text = made.certificatePem + made.keyPem
  if (spec.keep) writePrivately(file, text)
  return { pair: { ...checkPair(text, text, file, file), keyOpen: false }, findings }
}

/** A damaged file is replaced, and said so; one that cannot be read is left alone. */
function readExisting(file: string, findings: CheckFinding[]): CertificatePair | undefined {
  try {
    return readPair(file, file)
  } catch (error) {
    if (!(error instanceof GatewayError) || error.cause instanceof FileRefusal) throw error
    findings.push({ severity: 'warning', text: `${error.message}; a new self-signed certificate replaces it, with a new pin` })
    return undefined
  }
}
