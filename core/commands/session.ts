import type { ColumnDefinition, CommandInput, CommandResult } from '../commands.ts'
import type { DropHow } from '../dataplane.ts'
import { GatewayError } from '../errors.ts'
import { sessionDetailJson, sessionJson } from '../session/session-json.ts'
import type { Session, Sessions } from '../session/session.ts'
import type { CoreCommand, CoreServices, Serving } from './core-commands.ts'

const ID = { name: 'id', description: 'id of the session, or its beginning' }
const MAX_REASON_BYTES = 256
const COLUMNS: readonly ColumnDefinition[] = [
  { key: 'id', title: 'Id' }, { key: 'user', title: 'User' }, { key: 'group', title: 'Group' }, { key: 'state', title: 'State' }, { key: 'ipv4', title: 'IPv4' },
  { key: 'ipv6', title: 'IPv6' }, { key: 'peer', title: 'Peer' }, { key: 'connectedAt', title: 'Connected', format: 'time' },
  { key: 'rxBytes', title: 'Received', format: 'bytes' }, { key: 'txBytes', title: 'Sent', format: 'bytes' },
]

/** The session with that id, or the only one whose id begins so. */
export function findSession(sessions: Sessions, text: string): Session {
  const exact = sessions.get(text)
  if (exact) return exact
  const found = text === '' ? [] : sessions.list().filter((session) => session.id.startsWith(text))
  const [only] = found
  if (found.length > 1) throw new GatewayError('SESSION_UNKNOWN', `${found.length} sessions begin with ${JSON.stringify(text)}: write more of the id`)
  if (!only) throw new GatewayError('SESSION_UNKNOWN', `there is no session ${JSON.stringify(text.slice(0, 40))}`)
  return only
}

function levelLine({ level, state, protocol, cipher, since, rxBytes, txBytes }: ReturnType<typeof sessionDetailJson>['levels'][number]): string {
  return [`${level}: ${state}`, protocol, cipher, since && `since ${since}`, `received ${rxBytes} B, sent ${txBytes} B`].filter(Boolean).join(', ')
}

/** Only where it was learned: elsewhere the policy says it. */
function keepaliveLine({ seconds, network, settled }: ReturnType<typeof sessionDetailJson>['keepalive']): readonly string[] {
  return network === null ? [] : [`keepalive over DTLS: ${seconds} s, learned from ${network}${settled ? '' : ', still trying longer ones'}`]
}

const running = ({ serving }: CoreServices): Serving => {
  if (!serving) throw new GatewayError('NOT_RUNNING', 'the gateway does not run')
  return serving
}

function end(services: CoreServices, { args, options, actor }: CommandInput, how: DropHow): CommandResult {
  const { sessions } = running(services)
  const session = findSession(sessions, args['id'] ?? '')
  const reason = typeof options['reason'] === 'string' ? options['reason'] : undefined
  if (reason !== undefined && (Buffer.byteLength(reason) > MAX_REASON_BYTES || /\p{Cc}/u.test(reason))) {
    throw new GatewayError('USAGE', `--reason must be one line of at most ${MAX_REASON_BYTES} bytes`)
  }
  sessions.end(session.id, 'admin', reason, how)
  services.audit.record({ action: how === 'terminate' ? 'session.terminate' : 'session.drop', actor, subject: session.user, peer: session.peer, ok: true, detail: reason ?? session.id })
  return { data: { id: session.id, user: session.user }, text: `session ${session.id} of ${session.user} has ended` }
}

/**
 * `drop` and `terminate` both end the session for good: openconnect and Cisco's clients come back from neither (reference
 * protocol, section 8). They differ in the frame: DISCONNECT carries the reason to the client's screen, TERMINATE is for
 * a client that does not heed it.
 */
export const sessionCommands: readonly CoreCommand[] = [
  {
    definition: { path: 'session list', summary: 'List the sessions', where: 'gateway', columns: COLUMNS },
    handler: (services) => () => {
      const { sessions } = running(services)
      return { data: sessions.list().map((session) => sessionJson(session, sessions)) }
    },
  },
  {
    definition: {
      path: 'session show', summary: 'Show one session with its three levels', where: 'gateway', args: [ID],
      columns: [...COLUMNS, { key: 'agent', title: 'Agent' }, { key: 'tls.version', title: 'TLS' }, { key: 'tls.cipher', title: 'Cipher' }, { key: 'dtls.version', title: 'DTLS' }, { key: 'dtls.cipher', title: 'DTLS cipher' }, { key: 'mtu', title: 'MTU' }, { key: 'createdAt', title: 'Login', format: 'time' }, { key: 'expiresAt', title: 'Ends', format: 'time' }, { key: 'idleSince', title: 'Waits since', format: 'time' }, { key: 'waits.until', title: 'Waits until', format: 'time' }, { key: 'tunnels', title: 'Tunnels' }, { key: 'lastEnd.text', title: 'Last end' }],
    },
    handler: (services) => ({ args }) => {
      const { sessions } = running(services)
      const data = sessionDetailJson(findSession(sessions, args['id'] ?? ''), sessions)
      return { data, text: [...data.levels.map(levelLine), ...keepaliveLine(data.keepalive), ...(data.waits ? [`waits: ${data.waits.why}${data.waits.until === null ? '' : `, until ${data.waits.until}`}`] : []), ...data.history.map(({ at, what, text }) => `${at} ${what}: ${text}`)].join('\n') }
    },
  },
  {
    definition: {
      path: 'session drop', summary: 'End a session: DISCONNECT with a reason; the user has to log in again', where: 'gateway', args: [ID],
      options: [{ name: 'reason', description: 'text that the client shows', type: 'text', placeholder: 'TEXT' }],
    },
    handler: (services) => (input) => end(services, input, 'disconnect'),
  },
  {
    definition: { path: 'session terminate', summary: 'End a session with a TERMINATE frame, for a client that heeds no DISCONNECT', where: 'gateway', args: [ID] },
    handler: (services) => (input) => end(services, input, 'terminate'),
  },
]
