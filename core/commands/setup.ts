import { SetupCodes } from '../setup-codes.ts'
import type { CoreCommand } from './core-commands.ts'

export const setupCommands: readonly CoreCommand[] = [
  {
    definition: { path: 'setup code', summary: 'Make a one-time code for the first set-up, good for one hour; an older one is void', where: 'either' },
    handler: ({ store, clock, audit }) => {
      const codes = new SetupCodes(store, clock)
      return ({ actor }) => {
        const { code, expiresAt } = codes.issue()
        audit.record({ action: 'setup.code', actor, ok: true })
        return { data: { code, expiresAt: new Date(expiresAt).toISOString() }, text: code }
      }
    },
  },
]
