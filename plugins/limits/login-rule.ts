import { hoursEdge, type Admission, type AdmissionRule, type Clock, type Policies } from '../../core/api.ts'
import { hoursText, quotaText } from './limit-texts.ts'
import { parseQuota } from './quota.ts'
import type { UsageBook } from './usage-book.ts'

/** Refuses a login outside the user's hours, and one whose quota is used up where that cuts sessions. */
export class LoginRule implements AdmissionRule {
  readonly name = 'limits'

  constructor(
    private readonly policies: Policies,
    private readonly book: UsageBook,
    private readonly clock: Clock,
  ) {}

  refuse({ identity, group, host }: Pick<Admission, 'identity' | 'group' | 'host'>): { readonly text: string; readonly reason: string } | undefined {
    const { user, groups, attributes } = identity
    const { values } = this.policies.resolve({ user, group, host, groups, attributes })
    const now = this.clock.now()
    const edge = hoursEdge(values.hours, now)
    if (!edge.open) return { text: hoursText(edge.at), reason: 'hours' }
    const quota = parseQuota(values.quota)
    if (quota && values.quotaAction === 'cut' && this.book.beyond(user, quota, now)) return { text: quotaText(quota, now), reason: 'quota' }
    return undefined
  }
}
