import type { Audit } from '../audit.ts'
import { SESSION_ENDS } from './end-reasons.ts'
import type { SessionRecord } from './session-record.ts'
import type { EndedSession } from './session.ts'
import type { Totals } from './tunnel-totals.ts'

/** The end of a session for the audit, with what it carried; nothing for ends that nobody asks for. */
export function auditEnd(audit: Audit, { id, user, cause }: EndedSession, last?: { readonly record: SessionRecord; readonly totals: Totals }): void {
  const { said, audited } = SESSION_ENDS[cause]
  if (!audited) return
  const detail = last === undefined ? said : `${said}; ${last.record.tunnels} tunnels, ${last.totals.rxBytes} bytes received, ${last.totals.txBytes} sent`
  audit.record({ action: 'session.end', actor: user, subject: id, ...(last && { peer: last.record.peer }), ok: true, detail: `${cause}: ${detail}` })
}
