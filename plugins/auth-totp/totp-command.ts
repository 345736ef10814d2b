import { randomBytes } from 'node:crypto'
import { GatewayError, userNameProblem, type Audit, type Clock, type CommandDefinition, type CommandHandler, type CommandResult, type UserRecords } from '../../core/api.ts'
import type { AuthTotpConfig } from './config.ts'
import { qrText } from './qr-code.ts'
import { makeRecoveryCodes, RECOVERY_CODES } from './recovery-code.ts'
import { base32, enrolmentUri, SECRET_BYTES } from './totp-code.ts'
import type { TotpTable } from './totp-table.ts'

export const TOTP_COMMANDS: readonly CommandDefinition[] = [
  {
    path: 'user totp', summary: 'Give a user a second factor: prints the key for the authenticator app', where: 'either', args: [{ name: 'name', description: 'name of the user, of any back-end' }],
    options: [
      { name: 'show-recovery', type: 'flag', description: `make ${RECOVERY_CODES} new recovery codes and print them` },
      { name: 'reset', type: 'flag', description: 'take the second factor away' },
    ],
  },
]

export interface TotpCommandParts {
  readonly table: TotpTable
  readonly audit: Audit
  readonly clock: Clock
  readonly config: () => AuthTotpConfig
  readonly issuer: () => string
  /** Whether a source of users here knows the name. */
  readonly knows: (user: string) => boolean
}

/** `postern user totp NAME`. Each change is in the audit, with who asked for it. */
export function totpCommand({ audit, clock, config, issuer, knows, table }: TotpCommandParts): CommandHandler {
  const enrol = (user: string, codes: readonly string[]): CommandResult => {
    const existing = table.get(user)
    if (existing) throw new GatewayError('REFUSED', `${existing.user} has a second factor since ${dateOf(existing.enrolledAt)}: take it away with --reset, or make new recovery codes with --show-recovery`)
    const secret = randomBytes(SECRET_BYTES)
    // No code is used yet: the first that counts is that of the step before this one.
    if (!table.enrol(user, secret, 0, clock.now(), codes)) throw new GatewayError('REFUSED', `${user} got a second factor at this moment`)
    const uri = enrolmentUri(issuer(), user, secret)
    const note = knows(user) ? '' : `${user} is no user of the gateway itself: it counts for who proves that name elsewhere\n`
    return { data: { name: user, uri, secret: base32(secret), recoveryCodes: codes }, text: `${uri}\n${note}${codesText(codes)}`, picture: qrText(uri) }
  }
  const renewCodes = (user: string, codes: readonly string[]): CommandResult => {
    table.setRecoveryCodes(user, codes)
    return { data: { name: user, recoveryCodes: codes }, text: codesText(codes) }
  }
  const reset = (user: string): CommandResult => {
    if (!table.remove(user)) throw new GatewayError('REFUSED', `${user} has no second factor`)
    const next = config().enrol === 'first-login' ? 'the next login sets another one up' : `without another one (postern user totp ${user}) there is no login where it is asked for`
    return { data: { name: user }, text: `${user} has no second factor any more; ${next}` }
  }
  return ({ args, options, actor }) => {
    const user = args['name'] ?? ''
    const problem = userNameProblem(user)
    if (problem !== undefined) throw new GatewayError('USAGE', problem)
    const [wantsReset, wantsCodes] = [options['reset'] === true, options['show-recovery'] === true]
    if (wantsReset && wantsCodes) throw new GatewayError('USAGE', '--reset and --show-recovery: one at a time')
    const codes = wantsCodes ? makeRecoveryCodes() : []
    const [detail, run] = wantsReset ? ['reset', reset] : wantsCodes && table.get(user) ? ['recovery codes', renewCodes] : ['enrolled', enrol]
    const entry = { action: 'user.totp', actor, subject: user }
    try {
      const result = run(user, codes)
      audit.record({ ...entry, ok: true, detail })
      return result
    } catch (error) {
      audit.record({ ...entry, ok: false, detail: `${detail}: ${error instanceof GatewayError ? error.code : 'INTERNAL'}` })
      throw error
    }
  }
}

/** What `user show` says of it, and what goes with a user who is removed. */
export const totpRecords = (table: TotpTable): UserRecords => ({
  name: 'totp',
  describe(user) {
    const enrolment = table.get(user)
    if (!enrolment) return { data: { totp: null }, text: 'totp: none' }
    const { enrolledAt, recoveryCodesLeft } = enrolment
    return {
      data: { totp: { enrolledAt: new Date(enrolledAt).toISOString(), recoveryCodesLeft } },
      text: `totp: enrolled since ${dateOf(enrolledAt)}, ${recoveryCodesLeft} recovery ${recoveryCodesLeft === 1 ? 'code' : 'codes'} left`,
    }
  },
  forget: (user) => void table.remove(user),
})

const codesText = (codes: readonly string[]): string => (codes.length === 0 ? '' : `recovery codes, each for one login, not shown again:\n${codes.map((code) => `  ${code}\n`).join('')}`)
const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
