import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { GatewayError, userNameProblem, writePrivately, type Audit, type Clock, type CommandHandler, type CommandInput, type CommandResult, type Sessions, type X509 } from '../../core/api.ts'
import type { IssuedTable } from './issued-table.ts'
import type { OwnAuthority } from './own-authority.ts'
import { readAuthorities } from './pem-blocks.ts'
import type { PinTable } from './pin-table.ts'

const MAX_DAYS = 3650
const DEFAULT_DAYS = 365
const SHORTEST_PASSWORD = 8

export interface CertCommandsParts {
  readonly directory: string
  readonly authority: OwnAuthority
  readonly issued: IssuedTable
  readonly pins: PinTable
  readonly audit: Audit
  readonly clock: Clock
  readonly sessions: Sessions | undefined
  readonly pkcs12: (parts: Omit<Parameters<X509['pkcs12']>[0], 'modern'>) => Uint8Array
  /** The authority or its list is another one. */
  readonly changed: () => void
}

/** The `cert` commands of the gateway's own authority and of pins. Each change is in the audit, with who asked for it. */
export class CertCommands {
  constructor(private readonly parts: CertCommandsParts) {}

  readonly handlers: Readonly<Record<string, CommandHandler>> = {
    'cert issue': (input) => this.audited('cert.issue', input, 'user', () => this.issue(input)),
    'cert list': () => this.list(),
    'cert revoke': (input) => this.audited('cert.revoke', input, 'name', () => this.revoke(input)),
    'cert pin': (input) => this.audited('cert.pin', input, 'user', () => this.pin(input)),
    'cert unpin': (input) => this.audited('cert.unpin', input, 'fingerprint', () => this.unpin(input)),
  }

  private async issue(input: CommandInput): Promise<CommandResult> {
    const { authority, directory, pkcs12 } = this.parts
    const user = userOf(input)
    const days = input.options['days'] ?? DEFAULT_DAYS
    if (typeof days !== 'number' || !Number.isInteger(days) || days < 1 || days > MAX_DAYS) throw new GatewayError('USAGE', `--days: a whole number from 1 to ${MAX_DAYS}`)
    const out = input.options['out']
    if (typeof out === 'string' && !isAbsolute(out)) throw new GatewayError('USAGE', '--out: the gateway writes the file, so give its whole path')
    if (typeof out === 'string' && existsSync(out)) throw new GatewayError('REFUSED', `${out} exists already`)
    if (input.secret !== undefined && [...input.secret].length < SHORTEST_PASSWORD) throw new GatewayError('REFUSED', `the password has at least ${SHORTEST_PASSWORD} characters`)
    const generated = input.secret === undefined
    const password = input.secret ?? randomBytes(15).toString('base64url')
    const made = await authority.issue(user, days)
    const file = typeof out === 'string' ? out : join(directory, 'issued', `${user}-${made.serial}.p12`)
    writePrivately(file, pkcs12({ ...made, name: user, password }))
    made.key.fill(0)
    this.parts.changed()
    const expiresAt = new Date(made.expiresAt).toISOString()
    return {
      data: { user, serial: made.serial, expiresAt, file, ...(generated && { password }) },
      text: `${file}\nvalid until ${expiresAt.slice(0, 10)}${generated ? `\npassword of the file, shown this once: ${password}` : ''}`,
    }
  }

  private list(): CommandResult {
    const now = this.parts.clock.now()
    const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())
    const issued = this.parts.issued.list().map(({ serial, user, issuedAt, expiresAt, revokedAt }) => ({
      user, kind: 'issued', state: revokedAt !== null ? 'revoked' : expiresAt <= now ? 'expired' : 'valid', expiresAt: time(expiresAt), revokedAt: time(revokedAt), createdAt: time(issuedAt), id: serial,
    }))
    const pinned = this.parts.pins.list().map(({ user, fingerprint, createdAt }) => ({ user, kind: 'pinned', state: 'pinned', expiresAt: null, revokedAt: null, createdAt: time(createdAt), id: fingerprint }))
    return { data: [...issued, ...pinned] }
  }

  private async revoke({ args }: CommandInput): Promise<CommandResult> {
    const { authority, issued, clock } = this.parts
    const rows = issued.revoke(args['name'] ?? '', clock.now())
    if (rows.length === 0) throw new GatewayError('REFUSED', 'there is no such certificate that is not revoked yet: postern cert list')
    await authority.writeList()
    this.parts.changed()
    const sessionsEnded = this.endSessions([...new Set(rows.map(({ user }) => user))])
    const note = sessionsEnded === undefined ? '; sessions stay until the gateway runs: postern session terminate' : `, ${sessionsEnded} ${sessionsEnded === 1 ? 'session' : 'sessions'} ended`
    return { data: { revoked: rows.map(({ serial, user }) => ({ serial, user })), sessionsEnded: sessionsEnded ?? null }, text: `${rows.length} ${rows.length === 1 ? 'certificate' : 'certificates'} revoked${note}` }
  }

  private endSessions(users: readonly string[]): number | undefined {
    const { sessions } = this.parts
    if (!sessions) return undefined
    const names = new Set(users.map((user) => user.toLowerCase()))
    const theirs = sessions.list().filter(({ user }) => names.has(user.toLowerCase()))
    for (const { id } of theirs) sessions.end(id, 'admin')
    return theirs.length
  }

  private pin(input: CommandInput): CommandResult {
    const user = userOf(input)
    const { file } = input.args
    const text = input.options['fingerprint']
    if ((file === undefined) === (typeof text !== 'string')) throw new GatewayError('USAGE', 'give the file of the certificate, or --fingerprint')
    const fingerprint = typeof text === 'string' ? hexOf(text) : fingerprintOf(file ?? '')
    this.parts.pins.add({ fingerprint, user, createdAt: this.parts.clock.now() })
    return { data: { user, fingerprint }, text: `the certificate ${fingerprint} is pinned for ${user}` }
  }

  private unpin({ args }: CommandInput): CommandResult {
    const fingerprint = hexOf(args['fingerprint'] ?? '')
    if (!this.parts.pins.remove(fingerprint)) throw new GatewayError('REFUSED', 'no such certificate is pinned: postern cert list')
    return { data: { fingerprint }, text: 'the certificate is not pinned any more' }
  }

  private async audited(action: string, input: CommandInput, subject: string, run: () => CommandResult | Promise<CommandResult>): Promise<CommandResult> {
    const entry = { action, actor: input.actor, subject: JSON.stringify((input.args[subject] ?? '').slice(0, 64)).slice(1, -1) }
    try {
      const result = await run()
      this.parts.audit.record({ ...entry, ok: true })
      return result
    } catch (error) {
      this.parts.audit.record({ ...entry, ok: false, detail: error instanceof GatewayError ? error.code : 'INTERNAL' })
      throw error
    }
  }
}

function userOf({ args }: CommandInput): string {
  const user = args['user'] ?? ''
  const problem = userNameProblem(user)
  if (problem) throw new GatewayError('USAGE', problem)
  return user
}

function hexOf(text: string): string {
  const hex = text.replaceAll(':', '').toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new GatewayError('USAGE', 'a fingerprint is SHA-256: 64 hex digits')
  return hex
}

function fingerprintOf(file: string): string {
  if (!isAbsolute(file)) throw new GatewayError('USAGE', 'the gateway reads the file, so give its whole path')
  return createHash('sha256').update(new X509Certificate(readAuthorities(file)).raw).digest('hex')
}
