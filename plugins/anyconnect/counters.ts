import type { MetricSource } from '../../core/api.ts'
import type { Dialogues } from './dialogues.ts'

/** What happened on the VPN port since the start. */
export class Counters implements MetricSource {
  requests = 0
  /** Requests outside the rules: answered 4xx or cut off. */
  refusedRequests = 0
  /** Bodies that are no document of the protocol. */
  unparsable = 0
  /** Connections without a tunnel that gave way to newer ones. */
  crowdedOut = 0
  tunnels = 0
  tunnelsRefused = 0

  private readonly chains = new Map<string, number>()
  private readonly refusals = new Map<string, { readonly step: string; readonly reason: string; value: number }>()

  constructor(private readonly dialogues: Pick<Dialogues, 'size' | 'evicted'>) {}

  get logins(): number {
    return sum(this.chains.values())
  }
  get loginsRefused(): number {
    return sum([...this.refusals.values()].map(({ value }) => value))
  }
  /** `chain`: names of the configuration. */
  loggedIn(chain: readonly string[]): void {
    const name = chain.join('+')
    this.chains.set(name, (this.chains.get(name) ?? 0) + 1)
  }
  /** `step`: a back-end or plugin; `reason`: one of theirs. Whoever makes up more gets the last row. */
  refused(step: string, reason: string): void {
    const known = `${step} ${reason}`
    const key = this.refusals.has(known) || this.refusals.size < MAX_ROWS ? known : 'other other'
    const row = this.refusals.get(key) ?? { ...(key === known ? { step, reason } : { step: 'other', reason: 'other' }), value: 0 }
    row.value++
    this.refusals.set(key, row)
  }

  collect(): ReturnType<MetricSource['collect']> {
    const counter = (name: string, help: string, value: number) => ({ name: `postern_anyconnect_${name}`, help, type: 'counter' as const, value })
    return [
      counter('requests_total', 'HTTP requests on the VPN port, CONNECT included', this.requests),
      counter('refused_requests_total', 'Requests outside the rules, answered 4xx or cut off', this.refusedRequests),
      counter('unparsable_documents_total', 'Login bodies that are neither a form nor a config-auth document', this.unparsable),
      counter('connections_crowded_out_total', 'Connections without a tunnel that gave way to newer ones', this.crowdedOut),
      counter('logins_total', 'Logins that ended in a session', this.logins),
      counter('logins_refused_total', 'Login attempts that were refused', this.loginsRefused),
      ...[...this.chains].map(([chain, value]) => ({ ...counter('logins_by_chain_total', 'Logins that ended in a session, by the chain that was passed', value), labels: { chain } })),
      ...[...this.refusals.values()].map(({ step, reason, value }) => ({ ...counter('logins_refused_by_step_total', 'Login attempts that were refused, by step and reason', value), labels: { step, reason } })),
      counter('tunnels_total', 'CONNECT requests that were accepted', this.tunnels),
      counter('tunnels_refused_total', 'CONNECT requests that were refused', this.tunnelsRefused),
      counter('dialogues_evicted_total', 'Open logins that gave way to newer ones', this.dialogues.evicted),
      { name: 'postern_anyconnect_dialogues', help: 'Logins that are open now', type: 'gauge', value: this.dialogues.size },
    ]
  }
}

const MAX_ROWS = 200
const sum = (values: Iterable<number>): number => [...values].reduce((all, value) => all + value, 0)
