import Database from 'better-sqlite3'
import type { AuditEntry, AuthContext, AuthForm, AuthStep } from '../../core/api.ts'
import { SqliteStore } from '../../core/store/sqlite-store.ts'
import { TestClock, TestLog } from '../../core/testing.ts'
import { AuthTotpConfig } from './config.ts'
import { MIGRATIONS } from './migrations.ts'
import { Seal } from './seal.ts'
import { SecondFactor } from './second-factor.ts'
import { TotpBackend } from './totp-backend.ts'
import { TotpTable } from './totp-table.ts'

export const KEY = Buffer.alloc(32, 7)
const health = { raise: () => undefined, clear: () => undefined, list: () => [] }

/** Everything of the plugin but its routes and commands, on a database in memory. */
export function totpFixture(settings: Partial<AuthTotpConfig> = {}) {
  const db = new Database(':memory:')
  const store = new SqliteStore(db, ':memory:', health)
  store.migrate('auth-totp', MIGRATIONS)
  const [clock, log, entries] = [new TestClock(), new TestLog(), [] as AuditEntry[]]
  const audit = { record: (entry: AuditEntry) => void entries.push(entry), list: () => [] }
  const config = AuthTotpConfig.parse(settings)
  const table = new TotpTable(store, new Seal(KEY))
  const parts = { audit, clock, log, table, config: () => config, issuer: () => 'vpn.example.com' }
  /** As another process, or this one after a restart, sees the same rows. */
  const backend = (): TotpBackend => new TotpBackend({ ...parts, factor: new SecondFactor(table, clock, log) })
  return { ...parts, store, db, entries, backend }
}

export const contextOf = (user: string | undefined, more: Partial<AuthContext> = {}): AuthContext => ({
  peer: '198.51.100.7', group: 'staff', origin: 'https://vpn.example.com', userAgent: 'test', capabilities: [], certificates: [], certificateMissing: false,
  ...(user !== undefined && { identity: { user, groups: ['staff'], source: 'local' } }), ...more,
})

type FormStep = Extract<AuthStep, { kind: 'form' }>
export function formOf(step: AuthStep): FormStep {
  if (step.kind !== 'form') throw new Error(`not a form: ${JSON.stringify(step)}`)
  return step
}
/** Answers the one field of a form. */
export const answered = (step: AuthStep, text: string): Promise<AuthStep> => formOf(step).answer(new Map([[formOf(step).form.fields[0]!.name, text]]))

/** The key that an enrolment form shows, in base32. */
export const keyIn = ({ message }: AuthForm): string => /secret=([A-Z2-7]+)/.exec(message)?.[1] ?? ''
