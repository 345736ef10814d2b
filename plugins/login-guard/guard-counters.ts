import type { MetricSource } from '../../core/api.ts'

/** What the guard has done since the start. */
export class GuardCounters implements MetricSource {
  failures = 0
  slowed = 0
  turnedAway = 0
  /** Answers that found no place to wait in. */
  overflowed = 0
  bans = 0

  constructor(private readonly now: { readonly waiting: () => number; readonly banned: () => number }) {}

  collect(): ReturnType<MetricSource['collect']> {
    const entry = (name: string, type: 'counter' | 'gauge', help: string, value: number) => ({ name: `postern_login_guard_${name}`, help, type, value })
    return [
      entry('failures_total', 'counter', 'Failed logins that were counted', this.failures),
      entry('slowed_total', 'counter', 'Answers that were delayed before they were judged', this.slowed),
      entry('turned_away_total', 'counter', 'Answers and requests for a form that were refused unjudged because of a ban or a lock', this.turnedAway),
      entry('overflowed_total', 'counter', 'Answers that were refused unjudged because too many were waiting', this.overflowed),
      entry('bans_total', 'counter', 'Networks that were banned for their failures', this.bans),
      entry('waiting', 'gauge', 'Answers that are delayed now', this.now.waiting()),
      entry('banned', 'gauge', 'Bans in force', this.now.banned()),
    ]
  }
}
