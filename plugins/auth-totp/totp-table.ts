import { GatewayError, type Store } from '../../core/api.ts'
import type { Seal } from './seal.ts'

export interface Enrolment {
  /** As the user was called at the enrolment. */
  readonly user: string
  /** Wall clock, ms. */
  readonly enrolledAt: number
  readonly recoveryCodesLeft: number
}

/** Who has a second factor: secrets sealed, recovery codes hashed, the last step that was used. */
export class TotpTable {
  constructor(
    private readonly store: Store,
    private readonly seal: Seal,
  ) {}

  get(user: string): Enrolment | undefined {
    return this.store.read((db) => {
      const row = db.prepare('SELECT user, enrolled_at, (SELECT count(*) FROM totp_recovery r WHERE r.user = t.user) AS codes FROM totp t WHERE user = ?').get(user) as
        | { user: string; enrolled_at: number; codes: number }
        | undefined
      return row && { user: row.user, enrolledAt: row.enrolled_at, recoveryCodesLeft: row.codes }
    })
  }

  /** undefined: not enrolled. Throws `INTERNAL` when the key in the data directory is not the one it was sealed under. */
  secret(user: string): Uint8Array | undefined {
    const sealed = this.store.read((db) => db.prepare('SELECT secret FROM totp WHERE user = ?').pluck().get(user) as Uint8Array | undefined)
    if (sealed === undefined) return undefined
    const secret = this.seal.open(user, sealed)
    if (!secret) throw new GatewayError('INTERNAL', 'the second factor of the user cannot be opened: the key in the data directory is another one')
    return secret
  }

  /** False when the user has one already: of two enrolments at once the first counts. `step`: of the code that confirmed it. */
  enrol(user: string, secret: Uint8Array, step: number, now: number, recoveryCodes: readonly string[]): boolean {
    return this.store.write((db) => {
      const { changes } = db.prepare('INSERT OR IGNORE INTO totp (user, secret, last_step, enrolled_at) VALUES (?, ?, ?, ?)').run(user, this.seal.seal(user, secret), step, now)
      if (changes === 0) return false
      this.setRecoveryCodes(user, recoveryCodes)
      return true
    })
  }

  /** Instead of those there were. */
  setRecoveryCodes(user: string, codes: readonly string[]): void {
    this.store.write((db) => {
      db.prepare('DELETE FROM totp_recovery WHERE user = ?').run(user)
      const add = db.prepare('INSERT INTO totp_recovery (user, hash) VALUES (?, ?)')
      for (const code of codes) add.run(user, this.seal.hash(user, code.replaceAll('-', '')))
    })
  }

  /** Marks the step as used, committed when it returns. False: it or a later one was used before. */
  use(user: string, step: number): boolean {
    return this.store.write((db) => db.prepare('UPDATE totp SET last_step = ? WHERE user = ? AND last_step < ?').run(step, user, step).changes > 0)
  }

  /** Takes the code away, committed when it returns. False: there is no such code. */
  useRecoveryCode(user: string, code: string): boolean {
    return this.store.write((db) => db.prepare('DELETE FROM totp_recovery WHERE user = ? AND hash = ?').run(user, this.seal.hash(user, code)).changes > 0)
  }

  /** Whether there was something to remove. */
  remove(user: string): boolean {
    return this.store.write((db) => {
      db.prepare('DELETE FROM totp_recovery WHERE user = ?').run(user)
      return db.prepare('DELETE FROM totp WHERE user = ?').run(user).changes > 0
    })
  }
}
