import { Command, InvalidArgumentError, Option } from 'commander'
import type { ArgumentDefinition, CommandDefinition, CommandInput, LocationOptions, OptionDefinition } from '../../core/api.ts'
import type { Terminal } from './terminal.ts'

export interface GlobalOptions extends LocationOptions {
  readonly json?: boolean
  readonly color: boolean
}
export interface Invocation {
  readonly args: CommandInput['args']
  readonly options: CommandInput['options']
  /** `--password-stdin` or its like was given. */
  readonly secretFromStdin: boolean
  /** `--yes` was given. */
  readonly yes: boolean
  readonly global: GlobalOptions
}
export interface Actions {
  serve(global: GlobalOptions): Promise<void>
  check(global: GlobalOptions, plan: boolean): Promise<void>
  completion(shell: string): void
  command(definition: CommandDefinition, invocation: Invocation): Promise<void>
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export const GLOBAL_OPTIONS: readonly OptionDefinition[] = [
  { name: 'config', type: 'text', placeholder: 'FILE', description: 'the configuration file' },
  { name: 'data-dir', type: 'text', placeholder: 'DIR', description: 'where the gateway keeps its state' },
  { name: 'json', type: 'flag', description: 'print data for programs' },
  { name: 'no-color', type: 'flag', description: 'paint nothing' },
]
/** What the command line itself adds to the registry's commands. */
export const OWN_COMMANDS = [
  { path: 'serve', summary: 'Run the gateway in the foreground' },
  { path: 'check', summary: 'Validate configuration and environment' },
  { path: 'completion', summary: 'Print the completion script of a shell' },
] as const

/** Options of a command as people type them. */
export function optionsOf(definition: CommandDefinition): readonly OptionDefinition[] {
  const { options = [], secretFromStdin, confirm } = definition
  const extra: OptionDefinition[] = []
  if (secretFromStdin !== undefined && !options.some((option) => option.name === secretFromStdin)) extra.push({ name: secretFromStdin, type: 'flag', description: 'read it from the first line of standard input' })
  if (confirm !== undefined) extra.push({ name: 'yes', short: 'y', type: 'flag', description: 'do not ask' })
  return [...options, ...extra]
}

/** The whole command line, built from definitions alone: help and usage errors need no gateway. */
export function buildProgram(definitions: readonly CommandDefinition[], version: string, defaults: { readonly config: string; readonly dataDirectory: string }, actions: Actions, terminal: Terminal): Command {
  const program = new Command('postern')
  program.exitOverride().configureOutput({
    writeOut: (text) => terminal.print(text),
    writeErr: (text) => terminal.complain(text),
    getOutHelpWidth: () => terminal.width ?? 80,
    getErrHelpWidth: () => terminal.width ?? 80,
    // One line: the likely intention stands behind the error.
    outputError: (text, write) => write(`postern: ${text.trim().replace(/^error: /, '').replace(/\n\(Did you mean (.*?)\?\)$/, ' (did you mean $1?)').replaceAll('\n', ' ')}\n`),
  })
  program.description('VPN gateway for AnyConnect and OpenConnect clients').version(version, '-V, --version', 'print the version').helpOption('-h, --help', 'print this help').helpCommand('help [command]', 'print the help of a command')
  for (const option of GLOBAL_OPTIONS) {
    const detail = option.name === 'config' ? ` (${defaults.config})` : option.name === 'data-dir' ? ` (${defaults.dataDirectory})` : ''
    program.addOption(commanderOption({ ...option, description: option.description + detail }))
  }
  const global = (): GlobalOptions => program.opts<GlobalOptions>()
  const [serve, check, completion] = OWN_COMMANDS
  program.command(serve.path).summary(serve.summary).description(serve.summary).action(() => actions.serve(global()))
  program.command(check.path).summary(check.summary).description(check.summary).option('--plan', 'what a reload of the running gateway would do').action((own: { readonly plan?: boolean }) => actions.check(global(), own.plan === true))
  program.command(completion.path).summary(completion.summary).description(`${completion.summary}: source it, or put it where the shell looks`).argument('<shell>', SHELLS.join(', '), oneOf(SHELLS)).action((shell: string) => actions.completion(shell))
  for (const definition of definitions) addCommand(program, definition, (invocation) => actions.command(definition, { ...invocation, global: global() }))
  describeGroups(program)
  return program
}

function addCommand(program: Command, definition: CommandDefinition, run: (invocation: Omit<Invocation, 'global'>) => Promise<void>): void {
  const words = definition.path.split(' ')
  const name = words.pop() ?? ''
  const parent = words.reduce((at, word) => at.commands.find((command) => command.name() === word) ?? at.command(word), program)
  const command = parent.command(name).summary(definition.summary).description(definition.summary)
  for (const argument of definition.args ?? []) command.argument(argumentText(argument), argument.description)
  const options = optionsOf(definition).map((option) => [option.name, commanderOption(option)] as const)
  for (const [, option] of options) command.addOption(option)
  command.action(async () => {
    const given = command.opts<Record<string, string | number | boolean | string[] | undefined>>()
    const value = (name: string) => given[options.find(([other]) => other === name)?.[1].attributeName() ?? '']
    const own = (definition.options ?? []).filter((option) => option.name !== definition.secretFromStdin && value(option.name) !== undefined)
    await run({
      args: Object.fromEntries((definition.args ?? []).flatMap(({ name: arg, rest }, at) => (rest || command.processedArgs[at] === undefined ? [] : [[arg, String(command.processedArgs[at])]]))),
      options: { ...Object.fromEntries(own.map((option) => [option.name, value(option.name)])), ...Object.fromEntries(restOf(definition, command)) },
      secretFromStdin: definition.secretFromStdin !== undefined && value(definition.secretFromStdin) === true,
      yes: definition.confirm !== undefined && value('yes') === true,
    })
  })
}

const argumentText = ({ name, optional, rest }: ArgumentDefinition): string => {
  const text = rest ? `${name}...` : name
  return optional ? `[${text}]` : `<${text}>`
}

const restOf = ({ args = [] }: CommandDefinition, command: Command): [string, readonly string[]][] =>
  args.flatMap(({ name, rest }, at) => {
    const words = command.processedArgs[at] as readonly string[] | undefined
    return rest && words && words.length > 0 ? [[name, words]] : []
  })

function commanderOption({ name, short, description, type, placeholder, required }: OptionDefinition): Option {
  const flags = `${short === undefined ? '' : `-${short}, `}--${name}${type === 'flag' ? '' : ` <${placeholder ?? type.toUpperCase()}>`}`
  const option = new Option(flags, type === 'list' ? `${description}` : description)
  if (type === 'list') option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
  if (type === 'number') option.argParser(number)
  return option.makeOptionMandatory(required === true)
}

function number(value: string): number {
  if (!/^-?\d+(\.\d+)?$/.test(value)) throw new InvalidArgumentError('It is not a number.')
  return Number(value)
}

const oneOf = (choices: readonly string[]) => (value: string): string => {
  if (!choices.includes(value)) throw new InvalidArgumentError(`Choose one of ${choices.join(', ')}.`)
  return value
}

/** A word with commands below it says which. */
function describeGroups(command: Command): void {
  for (const child of command.commands) {
    if (child.commands.length > 0 && child.summary() === '') child.summary(child.commands.map((one) => one.name()).join(', '))
    describeGroups(child)
  }
}
