import type { CommandDefinition, CommandHandler, CommandInput, CommandResult, Commands } from './commands.ts'
import { GatewayError } from './errors.ts'
import type { Dispose } from './hooks.ts'

/** Handlers by path. What may be bound is what its owner has declared. */
export class CommandRegistry implements Commands {
  private readonly handlers = new Map<string, CommandHandler>()

  bind(owner: string, definitions: readonly CommandDefinition[], path: string, handler: CommandHandler): Dispose {
    if (!definitions.some((definition) => definition.path === path)) throw new Error(`${owner} binds the command "${path}", which it does not declare`)
    if (this.handlers.has(path)) throw new Error(`the command "${path}" is bound twice, the second time by ${owner}`)
    this.handlers.set(path, handler)
    return () => void this.handlers.delete(path)
  }

  has(path: string): boolean {
    return this.handlers.has(path)
  }

  async run(path: string, input: CommandInput): Promise<CommandResult> {
    const handler = this.handlers.get(path)
    if (!handler) throw new GatewayError('USAGE', `there is no command "${path.slice(0, 80)}" here`)
    return handler(input)
  }
}

/** Every path once; the names of those who declare it twice. */
export function refuseDuplicates(owners: readonly { readonly name: string; readonly commands?: readonly CommandDefinition[] | undefined }[]): void {
  const seen = new Map<string, string>()
  for (const owner of owners) {
    for (const { path } of owner.commands ?? []) {
      const other = seen.get(path)
      if (other !== undefined) throw new Error(`the command "${path}" is declared by both ${other} and ${owner.name}`)
      seen.set(path, owner.name)
    }
  }
}
