import type { CommandInput, CommandResult } from '../commands.ts'
import { duration } from '../config/units.ts'
import { GatewayError } from '../errors.ts'
import { PLAN_COLUMNS, type PlanEntry } from '../reload/plan.ts'
import type { Reloads } from '../reload/reloads.ts'
import type { CoreCommand, CoreServices } from './core-commands.ts'

const CONFIRM = { min: 1, max: 3600 }

const running = ({ serving }: CoreServices): Reloads => {
  const reloads = serving?.reloads()
  if (!reloads) throw new GatewayError('NOT_RUNNING', 'the gateway does not run')
  return reloads
}

/** Table of the plan; nothing to do is said in words. */
const shown = (plan: readonly PlanEntry[]) => plan.map(({ kind, what, sessions }) => ({ kind, what, sessions: sessions ?? null }))

function confirmSec(text: unknown): number | undefined {
  if (text === undefined) return undefined
  const read = duration(CONFIRM).safeParse(text)
  if (!read.success) throw new GatewayError('USAGE', `--confirm: ${read.error.issues[0]?.message ?? 'is not a duration'}`)
  return read.data
}

async function reload(services: CoreServices, { options, actor }: CommandInput): Promise<CommandResult> {
  const reloads = running(services)
  if (options['confirmed'] === true) {
    reloads.confirm()
    services.audit.record({ action: 'reload.confirmed', actor, ok: true })
    return { data: [], text: 'confirmed: the configuration stays' }
  }
  const limit = confirmSec(options['confirm'])
  const { plan, reconnecting } = await reloads.apply({ reconnect: options['reconnect'] === true, confirmSec: limit })
  services.audit.record({ action: 'reload', actor, ok: true, detail: `${plan.length} changes` })
  const owing = plan.some(({ kind }) => kind === 'reconnect') && options['reconnect'] !== true
  return {
    data: shown(plan),
    text: [
      plan.length === 0 ? 'configuration reloaded, nothing has changed' : 'configuration reloaded',
      ...(reconnecting > 0 ? [`${reconnecting} ${reconnecting === 1 ? 'client comes' : 'clients come'} back with the cookie`] : []),
      ...(owing ? ['clients hear of it with their next CONNECT; to send them round now: postern reload --reconnect'] : []),
      ...(limit === undefined ? [] : [`goes back in ${String(options['confirm'])} unless confirmed: postern reload --confirmed`]),
    ].join('\n'),
  }
}

export const reloadCommands: readonly CoreCommand[] = [
  {
    definition: {
      path: 'reload', summary: 'Read the configuration again and put it in force, as SIGHUP does', where: 'gateway', columns: PLAN_COLUMNS,
      options: [
        { name: 'reconnect', type: 'flag', description: 'clients that have to be told come back with their cookies, a few at a time' },
        { name: 'confirm', type: 'text', placeholder: 'TIME', description: 'goes back after this time (5m) unless confirmed' },
        { name: 'confirmed', type: 'flag', description: 'the last reload stays' },
      ],
    },
    handler: (services) => (input) => reload(services, input),
  },
  {
    definition: { path: 'plan', summary: 'Show what a reload would do', where: 'gateway', columns: PLAN_COLUMNS },
    handler: (services) => async () => {
      const plan = await running(services).plan()
      return { data: shown(plan), ...(plan.length === 0 && { text: 'nothing would change' }) }
    },
  },
]
