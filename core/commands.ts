/**
 * One registry behind the CLI, the admin API and MQTT. Definitions are static data on the plugin, so that help,
 * argument parsing and shell completion work without a running gateway; handlers are registered at start.
 */
export interface ArgumentDefinition {
  readonly name: string
  readonly description: string
  readonly optional?: boolean
  /** The last one: takes all that follow; they come as the option of that name, a list. */
  readonly rest?: boolean
}
export interface OptionDefinition {
  /** Long name without dashes: `group`, `password-stdin`. */
  readonly name: string
  readonly short?: string
  readonly description: string
  /** `list` may be repeated. */
  readonly type: 'flag' | 'text' | 'list' | 'number'
  /** Shown as `--reason TEXT`. */
  readonly placeholder?: string
  readonly required?: boolean
}
export interface ColumnDefinition {
  /** Path into a row of `data`: `user`, `tls.cipher`. */
  readonly key: string
  readonly title: string
  readonly format?: 'bytes' | 'time' | 'list' | 'duration'
}
export interface CommandDefinition {
  /** `session drop`. */
  readonly path: string
  readonly summary: string
  readonly args?: readonly ArgumentDefinition[]
  readonly options?: readonly OptionDefinition[]
  /**
   * Where it runs. `gateway`: only in the running gateway (through the admin socket). `either`: in the running gateway, or
   * else in this process on the store itself. `local`: always in this process, needs neither gateway nor store.
   */
  readonly where: 'gateway' | 'either' | 'local'
  /** How people see `data`: a table of rows, or one record; absent: `text` alone. */
  readonly columns?: readonly ColumnDefinition[]
  /** Name of the option whose value is read from standard input (one line), e.g. `password-stdin`. */
  readonly secretFromStdin?: string
  /** The command does without: nobody is asked on a terminal. */
  readonly secretOptional?: boolean
  /** Asks `text [y/N]` on a terminal. */
  readonly confirm?: string
}

export interface CommandInput {
  readonly args: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>
  /** The line read from standard input, when `secretFromStdin` was asked for. */
  readonly secret?: string
  /** Who asked: `cli`, `web:<user>`, `fleet`. */
  readonly actor: string
}
export interface CommandResult {
  /** What `--json` prints; documented and stable. */
  readonly data: unknown
  /** What people read; printed after the table, if any. */
  readonly text?: string
  /** Lines of half blocks above the text, on a terminal alone: a QR code. */
  readonly picture?: string
}
export type CommandHandler = (input: CommandInput) => CommandResult | Promise<CommandResult>

export interface Commands {
  /** Runs a registered command; refusals are GatewayError with a text for people. */
  run(path: string, input: CommandInput): Promise<CommandResult>
  has(path: string): boolean
}
