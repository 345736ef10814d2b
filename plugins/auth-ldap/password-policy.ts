import { elements, FramingError } from './ber.ts'
import { ldapts, type Control } from './ldapts.ts'

/** draft-behera-ldap-password-policy-10 section 6: what a directory says of a password beside its result. */
export const PASSWORD_POLICY = '1.3.6.1.4.1.42.2.27.8.5.1'

/** Numbers of the errors (section 6.2); 9 is OpenLDAP's own. */
export const POLICY = {
  expired: 0, locked: 1, mustChange: 2, notAllowed: 3, oldMissing: 4, tooSimple: 5, tooShort: 6, tooYoung: 7, usedBefore: 8, tooLong: 9,
} as const

export interface PolicyAnswer {
  readonly error?: number
  /** The password has expired, and this many logins are left with it. */
  readonly graceLeft?: number
}
const [WARNING, ERROR, GRACE] = [0xa0, 0x81, 0x81]

/** The value of the response control; empty for one that is none. */
export function readPolicyAnswer(value: Buffer): PolicyAnswer {
  try {
    const parts = elements(value).flatMap((sequence) => elements(sequence.value))
    const grace = parts.filter(({ tag }) => tag === WARNING).flatMap((warning) => elements(warning.value)).find(({ tag }) => tag === GRACE)
    const error = parts.find(({ tag }) => tag === ERROR)
    return { ...(error && { error: numberOf(error.value) }), ...(grace && { graceLeft: numberOf(grace.value) }) }
  } catch (problem) {
    if (problem instanceof FramingError) return {}
    throw problem
  }
}
const numberOf = (bytes: Buffer): number => (bytes.length > 0 && bytes.length <= 4 ? bytes.readUIntBE(0, bytes.length) : -1)

/** A control for one request, which keeps what its answer says. */
export function askForPolicy(): { readonly control: Control; readonly answer: () => PolicyAnswer } {
  const control = new (ldapts().Control)(PASSWORD_POLICY)
  let answer: PolicyAnswer = {}
  control.parse = (reader) => void (answer = readPolicyAnswer(reader.remainingBuffer))
  return { control, answer: () => answer }
}
