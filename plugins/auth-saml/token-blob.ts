import { createCipheriv, diffieHellman, generateKeyPairSync, hkdfSync, randomBytes } from 'node:crypto'
import { p256Key } from '../../core/api.ts'

const VERSION = Buffer.from([0, 1])
const TLV = { key: 1, tag: 2, text: 3, iv: 4 } as const
const TAG_BYTES = 12

/**
 * The one-time token as the browser carries it to the client on localhost: base64, still to be percent-encoded for a URL.
 * Only who has the private key of `clientSpki`, sent as `X-AnyConnect-STRAP-DH-Pubkey`, can read it (reference/protocol
 * section 4.3, steps 4 to 6). `token` is letters and digits alone, or clients refuse it. Throws `PeerError` for a key that is no P-256 SPKI.
 */
export function sealToken(token: string, clientSpki: Uint8Array): string {
  const client = p256Key(clientSpki)
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secret = diffieHellman({ privateKey, publicKey: client })
  const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'AC_ECIES', 32))
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
  const text = Buffer.concat([cipher.update(token, 'latin1'), cipher.final()])
  const parts = [
    tlv(TLV.key, publicKey.export({ format: 'der', type: 'spki' })),
    tlv(TLV.tag, cipher.getAuthTag()),
    tlv(TLV.text, text),
    tlv(TLV.iv, iv),
  ]
  secret.fill(0)
  key.fill(0)
  return Buffer.concat([VERSION, ...parts]).toString('base64')
}

const tlv = (type: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return Buffer.concat([head, value])
}
