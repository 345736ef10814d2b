import { randomInt } from 'node:crypto'

/** Codes of one enrolment. */
export const RECOVERY_CODES = 10

// Without 0, O, 1, I and L, which look alike on paper.
const LETTERS = '23456789ABCDEFGHJKMNPQRSTUVWXYZ'
const LENGTH = 12

/** `7KQ4-M2XR-9TBD`: 59 bits, so that a fast hash under a key is enough. */
export function makeRecoveryCodes(): readonly string[] {
  return Array.from({ length: RECOVERY_CODES }, () => {
    const letters = Array.from({ length: LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('')
    return letters.replace(/(.{4})(?=.)/g, '$1-')
  })
}

/** What was typed in the form that is hashed; undefined: it cannot be one. */
export function recoveryCodeIn(typed: string): string | undefined {
  const letters = typed.replace(/[\s-]/g, '').toUpperCase()
  return letters.length === LENGTH && [...letters].every((letter) => LETTERS.includes(letter)) ? letters : undefined
}
