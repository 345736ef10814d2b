import type { MetricSource } from '../../core/api.ts'

const HELP = {
  requests: 'Requests to RADIUS servers, repetitions aside',
  repetitions: 'Requests sent again',
  answers: 'Answers that counted',
  ignored: 'Datagrams that were no answer: malformed, wrong authenticator, late, not signed where that is demanded',
  timeouts: 'Requests that a server did not answer in time',
  unanswered: 'Requests that no server answered',
  refused: 'Requests not sent because too many were under way',
} as const
type Name = keyof typeof HELP

/** What the client did since it began. */
export class Counters implements MetricSource {
  readonly values: Record<Name, number> = Object.fromEntries(Object.keys(HELP).map((name) => [name, 0])) as Record<Name, number>

  collect(): ReturnType<MetricSource['collect']> {
    return Object.entries(HELP).map(([name, help]) => ({ name: `postern_auth_radius_${name}_total`, help, type: 'counter', value: this.values[name as Name] }))
  }
}
