import type { CommandResult } from '../commands.ts'
import type { CoreCommand } from './core-commands.ts'

const DONE: CommandResult = { data: { reloaded: true }, text: 'configuration reloaded' }

export const reloadCommands: readonly CoreCommand[] = [
  {
    definition: { path: 'reload', summary: 'Read the configuration again and take over its certificates, as SIGHUP does', where: 'gateway' },
    handler: ({ serving }) => async () => {
      await serving?.reload()
      return DONE
    },
  },
]
