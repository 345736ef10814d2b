import type { X509Certificate } from 'node:crypto'
import type { ChainVerdict } from '../../core/api.ts'

/** OpenSSL's numbers (x509_vfy.h). */
export const X509_V_ERR = {
  noIssuer: 2, noList: 3, signature: 7, notYet: 9, expired: 10, listExpired: 12, selfSigned: 18, selfSignedInChain: 19, noIssuerLocally: 20, unverifiable: 21, revoked: 23,
  notAnAuthority: 24, purpose: 26, authoritySign: 32, criticalExtension: 34, permitted: 47, excluded: 48, leafKey: 66, authorityKey: 67, digest: 68,
} as const
/** No way from the leaf to an authority. */
const UNKNOWN: readonly number[] = [X509_V_ERR.noIssuer, X509_V_ERR.selfSigned, X509_V_ERR.selfSignedInChain, X509_V_ERR.noIssuerLocally, X509_V_ERR.unverifiable]
export const isUnknownAuthority = ({ error }: ChainVerdict): boolean => UNKNOWN.includes(error)

/** Why, in the words of log and audit; for the operator, never for the client. */
export function verdictText(verdict: ChainVerdict, leaf: X509Certificate | undefined): string {
  const { error, depth, text } = verdict
  const which = depth === 0 ? 'the certificate' : `the authority at place ${depth} of its chain`
  const day = (time: string | undefined): string => (time === undefined ? '' : ` on ${new Date(time).toISOString().slice(0, 10)}`)
  if (isUnknownAuthority(verdict)) return 'the authority is not known'
  switch (error) {
    case X509_V_ERR.expired: return `${which} has expired${depth === 0 ? day(leaf?.validTo) : ''}`
    case X509_V_ERR.notYet: return `${which} is not valid yet${depth === 0 ? `, but${day(leaf?.validFrom)}` : ''}`
    case X509_V_ERR.revoked: return `${which} is revoked`
    case X509_V_ERR.signature: return `${which} is not signed by the authority that it names`
    case X509_V_ERR.noList: return 'there is no revocation list of its authority'
    case X509_V_ERR.listExpired: return 'the revocation list of its authority is stale'
    case X509_V_ERR.purpose: return `${which} is for another purpose than clients`
    case X509_V_ERR.leafKey: case X509_V_ERR.authorityKey: return `the key of ${which} is too short`
    case X509_V_ERR.digest: return `${which} is signed with MD5 or SHA-1`
    case X509_V_ERR.criticalExtension: return `${which} has a critical extension that is not known`
    case X509_V_ERR.permitted: case X509_V_ERR.excluded: return 'its authority may not issue for these names'
    default: return depth === 0 ? text : `${text} (${which})`
  }
}
