import type { CommandRegistry } from '../command-registry.ts'
import { auditCommands } from './audit.ts'
import { certCommands } from './cert.ts'
import type { CoreCommand, CoreServices } from './core-commands.ts'
import { explainCommands } from './explain.ts'
import { groupCommands } from './group.ts'
import { reloadCommands } from './reload.ts'
import { sessionCommands } from './session.ts'
import { setupCommands } from './setup.ts'
import { statusCommands } from './status.ts'

export const CORE_COMMANDS: readonly CoreCommand[] = [
  ...statusCommands, ...sessionCommands, ...groupCommands, ...explainCommands, ...certCommands, ...setupCommands, ...auditCommands, ...reloadCommands,
]

/** Those that can run where we are: without a gateway only what needs none. */
export function bindCoreCommands(registry: CommandRegistry, services: CoreServices): void {
  const definitions = CORE_COMMANDS.map(({ definition }) => definition)
  for (const { definition, handler } of CORE_COMMANDS) {
    if (definition.where === 'local' || (definition.where === 'gateway' && !services.serving)) continue
    registry.bind('core', definitions, definition.path, handler(services))
  }
}
