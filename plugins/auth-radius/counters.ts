import { NamedCounters } from '../../core/api.ts'

const HELP = {
  requests: 'Requests to RADIUS servers, repetitions aside',
  repetitions: 'Requests sent again',
  answers: 'Answers that counted',
  ignored: 'Datagrams that were no answer: malformed, wrong authenticator, late, not signed where that is demanded',
  timeouts: 'Requests that a server did not answer in time',
  unanswered: 'Requests that no server answered',
  refused: 'Requests not sent because too many were under way',
} as const

/** What the client did since it began. */
export class Counters extends NamedCounters<keyof typeof HELP> {
  constructor() {
    super('auth_radius', HELP)
  }
}
