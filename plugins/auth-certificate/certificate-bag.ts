import { MAX_CERTIFICATES } from './chain-limits.ts'
import { elementsIn, type DerElement } from './der-element.ts'

const SIGNED_DATA = Buffer.from('2a864886f70d010702', 'hex')
const TAG = { oid: 0x06, sequence: 0x30, explicit0: 0xa0 } as const
/** Of a SignedData: version, digests, content, certificates, lists, signers. */
const MAX_PARTS = 6

/**
 * The certificates in a PKCS #7 SignedData (RFC 2315 section 9.1), DER, in its order; who has signed that is not looked at.
 * undefined: it is none, or has more than `MAX_CERTIFICATES`.
 */
export function certificatesIn(bag: Uint8Array): readonly Uint8Array[] | undefined {
  const partsOf = (outer: DerElement | undefined, tag: number, limit: number): readonly DerElement[] => (outer?.tag === tag ? elementsIn(bag, outer, limit) : undefined) ?? []
  const roots = elementsIn(bag, { from: 0, to: bag.length }, 1) ?? []
  const [kind, wrapped] = partsOf(roots[0], TAG.sequence, 2)
  if (kind?.tag !== TAG.oid || !SIGNED_DATA.equals(bag.subarray(kind.from, kind.to))) return undefined
  const [signedData] = partsOf(wrapped, TAG.explicit0, 1)
  const certificates = partsOf(signedData, TAG.sequence, MAX_PARTS).find(({ tag }) => tag === TAG.explicit0)
  const all = partsOf(certificates, TAG.explicit0, MAX_CERTIFICATES)
  return all.length > 0 && all.every(({ tag }) => tag === TAG.sequence) ? all.map(({ at, to }) => bag.subarray(at, to)) : undefined
}
