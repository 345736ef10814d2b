/** Who did what, from where, and how it ended: append-only rows in the store. */
export interface AuditEntry {
  /** `login`, `logout`, `session.drop`, `user.add` ... */
  readonly action: string
  /** User of the session, or `admin` for the command line. */
  readonly actor: string
  readonly subject?: string
  readonly peer?: string
  readonly ok: boolean
  /** One line, no secrets. */
  readonly detail?: string
}
export interface Audit {
  record(entry: AuditEntry): void
  /** Newest first. */
  list(limit: number): readonly (AuditEntry & { readonly at: string })[]
}
