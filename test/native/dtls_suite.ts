import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'

/** A suite of DTLS 1.2 as the client in `dtls_client.ts` speaks it (RFC 5288, RFC 7905). */
export interface DtlsSuite {
  readonly code: number
  readonly hash: 'sha256' | 'sha384'
  readonly aead: 'aes-256-gcm' | 'aes-128-gcm' | 'chacha20-poly1305'
}
const AES256 = { hash: 'sha384', aead: 'aes-256-gcm' } as const
const AES128 = { hash: 'sha256', aead: 'aes-128-gcm' } as const

export const DTLS_SUITES: Readonly<Record<string, DtlsSuite>> = {
  'PSK-AES256-GCM-SHA384': { code: 0x00a9, ...AES256 },
  'PSK-AES128-GCM-SHA256': { code: 0x00a8, ...AES128 },
  'PSK-CHACHA20-POLY1305': { code: 0xccab, hash: 'sha256', aead: 'chacha20-poly1305' },
  'ECDHE-RSA-AES256-GCM-SHA384': { code: 0xc030, ...AES256 },
  'ECDHE-RSA-AES128-GCM-SHA256': { code: 0xc02f, ...AES128 },
  'AES256-GCM-SHA384': { code: 0x009d, ...AES256 },
  'AES128-GCM-SHA256': { code: 0x009c, ...AES128 },
}

/** RFC 5246 section 5. */
export function prf(hash: string, secret: Uint8Array, label: string, seed: Uint8Array, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label), seed])
  const parts: Buffer[] = []
  let a: Buffer = labelled
  for (let have = 0; have < length; have += parts.at(-1)?.length ?? 0) {
    a = createHmac(hash, secret).update(a).digest()
    parts.push(createHmac(hash, secret).update(a).update(labelled).digest())
  }
  return Buffer.concat(parts).subarray(0, length)
}

/** One direction of an association after its handshake. */
export class DtlsKeys {
  constructor(private readonly aead: DtlsSuite['aead'], private readonly key: Buffer, private readonly iv: Buffer) {}

  /** Both directions from the master secret, the client's first (reference/protocol section 9.5). */
  static derive({ aead, hash }: DtlsSuite, master: Uint8Array, randoms: { readonly client: Buffer; readonly server: Buffer }): { client: DtlsKeys; server: DtlsKeys } {
    const key = aead === 'aes-128-gcm' ? 16 : 32
    const iv = aead === 'chacha20-poly1305' ? 12 : 4
    const block = prf(hash, master, 'key expansion', Buffer.concat([randoms.server, randoms.client]), 2 * key + 2 * iv)
    const cut = (at: number, length: number): Buffer => block.subarray(at, at + length)
    return { client: new DtlsKeys(aead, cut(0, key), cut(2 * key, iv)), server: new DtlsKeys(aead, cut(key, key), cut(2 * key + iv, iv)) }
  }

  /** Payload of a record; `number`: epoch and sequence, 8 bytes. */
  seal(number: Buffer, type: number, plain: Uint8Array): Buffer {
    const cipher = createCipheriv(this.aead as 'aes-256-gcm', this.key, this.nonce(number, number), { authTagLength: 16 })
    cipher.setAAD(aad(number, type, plain.length))
    return Buffer.concat([this.explicit(number), cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }
  /** Throws when the tag does not fit. */
  open(number: Buffer, type: number, payload: Buffer): Buffer {
    const explicit = this.explicit(payload)
    const sealed = payload.subarray(explicit.length, -16)
    const decipher = createDecipheriv(this.aead as 'aes-256-gcm', this.key, this.nonce(number, explicit), { authTagLength: 16 })
    decipher.setAAD(aad(number, type, sealed.length))
    decipher.setAuthTag(payload.subarray(-16))
    return Buffer.concat([decipher.update(sealed), decipher.final()])
  }

  private explicit(bytes: Buffer): Buffer {
    return this.iv.length === 4 ? bytes.subarray(0, 8) : Buffer.alloc(0)
  }
  private nonce(number: Buffer, explicit: Buffer): Buffer {
    return this.iv.length === 4 ? Buffer.concat([this.iv, explicit]) : Buffer.from(this.iv.map((byte, at) => byte ^ (at < 4 ? 0 : (number[at - 4] ?? 0))))
  }
}

const aad = (number: Buffer, type: number, length: number): Buffer => Buffer.concat([number, Buffer.from([type, 0xfe, 0xfd, length >> 8, length & 255])])
