import { NamedCounters } from '../../core/api.ts'

const HELP = {
  queries: 'Queries of clients',
  tcp: 'Queries of clients over TCP',
  cached: 'Answers from the cache',
  joined: 'Queries that waited for the answer to an equal one',
  zones: 'Queries for a zone',
  upstream: 'Queries for the upstream',
  refused: 'Queries refused: no server for the name, or a kind that is not served',
  strangers: 'Queries from addresses that no session has',
  limited: 'Queries beyond the rate or the number under way',
  malformed: 'Messages that are no query',
  failed: 'Queries that no server answered in time',
  truncated: 'Answers that did not fit and went out truncated',
  sent: 'Messages to servers, repetitions included',
  timeouts: 'Messages to servers without an answer in time',
  mismatched: 'Answers of servers with a wrong id or question, or malformed',
  overTcp: 'Messages to servers over TCP',
  connectionsRefused: 'TCP connections of clients beyond the bounds',
} as const

/** What the resolver did since it began. */
export class Counters extends NamedCounters<keyof typeof HELP> {
  constructor() {
    super('split_dns', HELP)
  }
}
