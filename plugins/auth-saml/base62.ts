import { pooledRandomBytes } from '../../core/api.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Neither vowels, which make words, nor what looks alike. */
const CODE = 'BCDFGHJKMNPQRSTVWXZ23456789'

function random(alphabet: string, length: number): string {
  let text = ''
  // What does not fit a whole number of times would make some characters likelier than others.
  const limit = 256 - (256 % alphabet.length)
  while (text.length < length) for (const byte of pooledRandomBytes(length)) if (byte < limit && text.length < length) text += alphabet.charAt(byte % alphabet.length)
  return text
}

/** 190 bits; letters and digits alone, which is all that clients take (reference/protocol section 4.3). */
export const randomToken = (): string => random(BASE62, 32)
/** For people to type: 8 characters, 38 bits. */
export const randomCode = (): string => random(CODE, 8)
/** What somebody meant who typed a code. */
export const typedCode = (text: string): string => text.toUpperCase().replace(/[\s-]/g, '')
/** As it is shown: `BCDF-GHJK`. */
export const shownCode = (code: string): string => `${code.slice(0, 4)}-${code.slice(4)}`
