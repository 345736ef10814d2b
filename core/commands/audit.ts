import { GatewayError } from '../errors.ts'
import type { CoreCommand } from './core-commands.ts'

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 10_000

export const auditCommands: readonly CoreCommand[] = [
  {
    definition: {
      path: 'audit', summary: 'Show who did what, newest first', where: 'either',
      options: [{ name: 'limit', short: 'n', description: `entries, at most ${MAX_LIMIT}; ${DEFAULT_LIMIT} when absent`, type: 'number', placeholder: 'N' }],
      columns: [
        { key: 'at', title: 'Time', format: 'time' }, { key: 'actor', title: 'Who' }, { key: 'action', title: 'What' }, { key: 'subject', title: 'Whom' },
        { key: 'peer', title: 'From' }, { key: 'ok', title: 'Done' }, { key: 'detail', title: 'Detail' },
      ],
    },
    handler: ({ audit }) => ({ options }) => {
      const limit = options['limit'] ?? DEFAULT_LIMIT
      if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) throw new GatewayError('USAGE', `--limit must be a number from 1 to ${MAX_LIMIT}`)
      return { data: audit.list(limit) }
    },
  },
]
