import type { Identity } from '../../core/api.ts'
import type { ChosenGroup, GroupChoice } from './group-choice.ts'

/**
 * The group of somebody who has passed `chain` (names as in `auth`). Groups of the identity decide; without any the default
 * one. Without a choice by the client its first group that takes the same login stands in, never one that asks for more.
 * Where the back-end decides, the first of its groups that exists here counts.
 */
export function groupOf(groups: GroupChoice, defaultGroup: string, chosen: ChosenGroup, identity: Identity, chain: readonly string[]): { readonly group: string } | { readonly refused: string } {
  const takes = (name: string): boolean => groups.byName(name)?.auth.some((names) => names.join('\n') === chain.join('\n')) ?? false
  if (identity.groupsDecide === true) {
    const existing = identity.groups.find((name) => groups.byName(name) !== undefined)
    if (existing === undefined) return { refused: `${identity.source} says ${identity.groups.join(', ') || 'no group'}, which is none here` }
    return existing === chosen.group.name || takes(existing) ? { group: existing } : { refused: `${identity.source} says ${existing}, whose auth does not have ${chain.join(' and ')}` }
  }
  const member = identity.groups.length === 0 ? [defaultGroup] : identity.groups
  if (member.includes(chosen.group.name)) return { group: chosen.group.name }
  const standIn = chosen.by === 'default' ? member.find(takes) : undefined
  return standIn === undefined ? { refused: `member of ${member.join(', ')}` } : { group: standIn }
}
