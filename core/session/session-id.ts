import { pooledRandomBytes } from '../random.ts'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** 128 bits as 26 characters of lower-case base32 (RFC 4648 alphabet, no padding); the last one carries 3 bits. */
export function formatSessionId(bytes: Uint8Array): string {
  let text = ''
  let buffer = 0
  let held = 0
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    held += 8
    while (held >= 5) {
      held -= 5
      text += ALPHABET[(buffer >> held) & 31]
    }
    buffer &= (1 << held) - 1
  }
  return held > 0 ? text + ALPHABET[(buffer << (5 - held)) & 31] : text
}

/** The 16 bytes of an id; undefined for any other text. */
export function parseSessionId(text: string): Uint8Array | undefined {
  if (!/^[a-z2-7]{26}$/.test(text)) return undefined
  const bytes = new Uint8Array(16)
  let buffer = 0
  let held = 0
  let at = 0
  for (const character of text) {
    buffer = (buffer << 5) | ALPHABET.indexOf(character)
    held += 5
    if (held >= 8 && at < 16) {
      held -= 8
      bytes[at++] = (buffer >> held) & 0xff
    }
    buffer &= (1 << held) - 1
  }
  return buffer === 0 ? bytes : undefined
}

export const newSessionId = (): string => formatSessionId(pooledRandomBytes(16))
