/** Structured, one JSON line each, on stdout. Never in the packet path. */
export interface Logger {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  child(name: string): Logger
}
export type LogFields = Readonly<Record<string, unknown>>
