/** Standing problems, shown alike in CLI, web and MQTT. */
export type Severity = 'info' | 'warning' | 'error'
export interface HealthEntry {
  readonly code: string
  readonly severity: Severity
  readonly text: string
  /** RFC 3339 UTC. */
  readonly since: string
}
export interface Health {
  /** Raises or replaces the entry of that code; `since` is kept while it stands. */
  raise(code: string, severity: Severity, text: string): void
  clear(code: string): void
  list(): readonly HealthEntry[]
}
