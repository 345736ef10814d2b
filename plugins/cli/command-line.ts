import { CommanderError } from 'commander'
import { GatewayError, type CheckFinding, type CommandDefinition, type CommandInput, type CommandLineHost } from '../../core/api.ts'
import { completionScript } from './completion.ts'
import { invoke } from './invoke.ts'
import { painter } from './paint.ts'
import { asJson, present } from './present.ts'
import { printable } from './printable.ts'
import { buildProgram, type Actions, type Invocation } from './program.ts'
import { withProgress } from './progress.ts'
import { askSecret, confirmed } from './prompt.ts'
import { readSecretLine } from './secret-line.ts'
import type { Terminal } from './terminal.ts'

const DONE = 0
const REFUSED = 1
const WRONG_USAGE = 2

/** One run of `postern`: resolves with the exit code. `argv` has neither the interpreter nor the program. */
export async function runCommandLine(argv: readonly string[], host: CommandLineHost, terminal: Terminal): Promise<number> {
  let code = DONE
  const actions: Actions = {
    async serve(global) {
      code = await host.serve(global)
    },
    async check(global, plan) {
      const { ok, findings } = await withProgress(terminal, host.check(global))
      const definition = ok && plan ? host.definitions.find(({ path }) => path === 'plan') : undefined
      const planned = definition && (await withProgress(terminal, invoke(definition, { args: {}, options: {}, actor: 'cli' }, global, host)))
      terminal.print(global.json ? asJson({ ok, findings, ...(planned && { plan: planned.data }) }) : checkText(ok, findings, terminal.colored && global.color))
      if (definition && planned && !global.json) terminal.print(present(definition, planned, { json: false, colored: terminal.colored && global.color, width: terminal.width }))
      code = ok ? DONE : REFUSED
    },
    completion: (shell) => terminal.print(completionScript(shell, host.definitions)),
    async command(definition, invocation) {
      if (!invocation.global.color) terminal.withoutColors()
      const input = await inputOf(definition, invocation, terminal)
      const result = await withProgress(terminal, invoke(definition, input, invocation.global, host))
      terminal.print(present(definition, result, { json: invocation.global.json === true, colored: terminal.colored, width: terminal.width }))
    },
  }
  try {
    await buildProgram(host.definitions, host.version, host.defaults, actions, terminal).parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    // Commander has said already what is wrong, or printed the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE
    terminal.complain(linesOf(error).map((line) => `postern: ${printable(line)}\n`).join(''))
    return error instanceof GatewayError && error.code === 'USAGE' ? WRONG_USAGE : REFUSED
  }
}

async function inputOf(definition: CommandDefinition, invocation: Invocation, terminal: Terminal): Promise<CommandInput> {
  const { args, options, secretFromStdin, yes } = invocation
  if (definition.confirm !== undefined && !yes && terminal.interactive && !(await confirmed(terminal, definition.confirm))) throw new GatewayError('REFUSED', 'nothing was done')
  const secret = await secretOf(definition, secretFromStdin, terminal)
  return { args, options, actor: 'cli', ...(secret === undefined ? {} : { secret }) }
}

async function secretOf({ secretFromStdin: option, secretOptional = false }: CommandDefinition, given: boolean, terminal: Terminal): Promise<string | undefined> {
  if (option === undefined) return undefined
  if (given) return readSecretLine(terminal.input as AsyncIterable<Buffer>)
  if (secretOptional) return undefined
  const name = option.replace(/-stdin$/, '')
  if (!terminal.interactive) throw new GatewayError('USAGE', `no terminal to ask for the ${name}: give it on standard input with --${option}`)
  return askSecret(terminal, name.charAt(0).toUpperCase() + name.slice(1))
}

function checkText(ok: boolean, findings: readonly CheckFinding[], colored: boolean): string {
  const paint = painter(colored)
  const lines = findings.map(({ severity, text }) => `${paint(severity === 'error' ? 'red' : 'yellow', severity)}: ${printable(text)}\n`)
  return lines.join('') + (ok ? `${paint('green', 'good')}: configuration and environment will do\n` : '')
}

/** One for each problem of a configuration; else one. */
function linesOf(error: unknown): readonly string[] {
  if (error instanceof GatewayError) return error.code === 'CONFIG' ? error.message.split('\n') : [error.message]
  return [`internal error: ${error instanceof Error ? error.message : String(error)}`]
}
