import type { MetricSource } from '../../core/api.ts'
import type { Dialogues } from './dialogues.ts'

/** What happened on the VPN port since the start. */
export class Counters implements MetricSource {
  requests = 0
  /** Requests outside the rules: answered 4xx or cut off. */
  refusedRequests = 0
  /** Bodies that are no document of the protocol. */
  unparsable = 0
  logins = 0
  loginsRefused = 0
  /** Connections without a tunnel that gave way to newer ones. */
  crowdedOut = 0
  tunnels = 0
  tunnelsRefused = 0

  constructor(private readonly dialogues: Pick<Dialogues, 'size' | 'evicted'>) {}

  collect(): ReturnType<MetricSource['collect']> {
    const counter = (name: string, help: string, value: number) => ({ name: `postern_anyconnect_${name}`, help, type: 'counter' as const, value })
    return [
      counter('requests_total', 'HTTP requests on the VPN port, CONNECT included', this.requests),
      counter('refused_requests_total', 'Requests outside the rules, answered 4xx or cut off', this.refusedRequests),
      counter('unparsable_documents_total', 'Login bodies that are neither a form nor a config-auth document', this.unparsable),
      counter('connections_crowded_out_total', 'Connections without a tunnel that gave way to newer ones', this.crowdedOut),
      counter('logins_total', 'Logins that ended in a session', this.logins),
      counter('logins_refused_total', 'Login attempts that were refused', this.loginsRefused),
      counter('tunnels_total', 'CONNECT requests that were accepted', this.tunnels),
      counter('tunnels_refused_total', 'CONNECT requests that were refused', this.tunnelsRefused),
      counter('dialogues_evicted_total', 'Open logins that gave way to newer ones', this.dialogues.evicted),
      { name: 'postern_anyconnect_dialogues', help: 'Logins that are open now', type: 'gauge', value: this.dialogues.size },
    ]
  }
}
