import type { CommandResult } from '../commands.ts'
import { POLICY_KEYS, POLICY_PROPERTIES } from '../policy/keys.ts'
import { changedKeys, TAKES_EFFECT, type TakesEffect } from '../policy/takes-effect.ts'
import { writtenValue } from '../policy/written-value.ts'
import type { Session } from '../session/session.ts'
import type { ExplainedValue } from './explain.ts'

export interface ExplainedInSession extends ExplainedValue {
  /** What it will be, and when: with the next CONNECT or the next login; absent: it is in force as configured. */
  readonly next?: { readonly value: unknown; readonly origin: string; readonly with: Exclude<TakesEffect, 'live'> }
}

/** What is in force in a session, and where it is not what a login of now would get. */
export function explainSession({ user, group, id, policy, told = policy }: Session): CommandResult {
  const waiting = new Set(changedKeys(told.values, policy.values).filter((key) => TAKES_EFFECT[key] !== 'live'))
  const data = POLICY_PROPERTIES.map((property): ExplainedInSession => {
    const effect = TAKES_EFFECT[property]
    const { values, origins } = waiting.has(property) ? told : policy
    return {
      key: POLICY_KEYS[property].key, value: writtenValue(property, values[property]), origin: origins[property],
      ...(waiting.has(property) && effect !== 'live' && { next: { value: writtenValue(property, policy.values[property]), origin: policy.origins[property], with: effect } }),
    }
  })
  const lines = data.flatMap(({ key, next }) => (next ? [`with the next ${next.with === 'login' ? 'login' : 'CONNECT'}: ${key} = ${JSON.stringify(next.value)} (${next.origin})`] : []))
  return { data, text: [`in session ${id} of ${user}, group ${group}${lines.length === 0 ? ': all of it as a login of now would get it' : ''}`, ...lines].join('\n') }
}
