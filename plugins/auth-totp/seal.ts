import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

const NONCE = 12
const TAG = 16

/** What keeps the secrets of the database unreadable without the file beside it. `key`: 32 bytes. */
export class Seal {
  private readonly sealing: Uint8Array
  private readonly hashing: Uint8Array

  constructor(key: Uint8Array) {
    this.sealing = derived(key, 'postern totp secret')
    this.hashing = derived(key, 'postern totp recovery')
  }

  /** Bound to the user: a row that was copied to another one does not open. */
  seal(user: string, secret: Uint8Array): Uint8Array {
    const nonce = randomBytes(NONCE)
    const cipher = createCipheriv('aes-256-gcm', this.sealing, nonce).setAAD(aad(user))
    return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
  }

  /** undefined: sealed under another key, for another user, or damaged. */
  open(user: string, sealed: Uint8Array): Uint8Array | undefined {
    if (sealed.length < NONCE + TAG) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.sealing, sealed.subarray(0, NONCE)).setAAD(aad(user)).setAuthTag(sealed.subarray(sealed.length - TAG))
    const secret = decipher.update(sealed.subarray(NONCE, sealed.length - TAG))
    try {
      decipher.final()
      return secret
    } catch {
      return undefined
    }
  }

  hash(user: string, recoveryCode: string): Uint8Array {
    return createHmac('sha256', this.hashing).update(aad(user)).update('\0').update(recoveryCode).digest()
  }
}

const derived = (key: Uint8Array, purpose: string): Uint8Array => new Uint8Array(hkdfSync('sha256', key, '', purpose, 32))
const aad = (user: string): Buffer => Buffer.from(user.toLowerCase())
