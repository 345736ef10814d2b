import { endpointAddress, GatewayError, POLICY_KEYS, SESSION_ENDS, type Audit, type Clock, type Logger, type MetricSource, type PolicyValues, type Session, type Sessions } from '../../core/api.ts'
import { AnsweredRequests } from './answered-requests.ts'
import { attribute, type Found } from './attributes.ts'
import type { ServerConfig } from './config.ts'
import type { AttributeName } from './dictionary.ts'
import { proxyStates, readDynamicRequest, type DynamicRequest, type NasIdentity, type Refused, type Selection } from './dynamic-request.ts'
import { ERROR_CAUSE } from './error-cause.ts'
import { CODE, decodePacket, encodeResponse, proveRequest, type Packet } from './packet.ts'
import { RequestRate } from './request-rate.ts'

/** How far the clock of a server may be off, seconds (RFC 5176 section 6.3). */
export const WINDOW_SEC = 300
const MAX_TEXT = 200

/** What a session's back-end knows of it. */
export interface RadiusSession {
  readonly user?: string | undefined
  readonly classes: readonly Uint8Array[]
}
export interface DynamicParts {
  readonly audit: Pick<Audit, 'record'>
  readonly clock: Clock
  readonly log: Logger
  readonly sessions: Pick<Sessions, 'get' | 'list' | 'end' | 'setAttributes'>
  /** Servers with that address. */
  serversAt(address: string): readonly ServerConfig[]
  nas(): NasIdentity
  /** Undefined: somebody else let the user in, and no server may touch the session. */
  ticketOf(session: Session): RadiusSession | undefined
  /** Policy of attributes, as at the login. `problems`: values that cannot be used, one clause each. */
  policyOf(attributes: readonly Found[]): { readonly values: PolicyValues; readonly problems: readonly string[] }
  /** Whether attributes of that name can change in a session. */
  supported(name: AttributeName): boolean
}

const HELP = {
  coaAck: 'CoA-Requests followed', coaNak: 'CoA-Requests refused', disconnectAck: 'Disconnect-Requests followed', disconnectNak: 'Disconnect-Requests refused',
  repeated: 'Requests that came again and were answered as before',
  limited: 'Requests beyond the rate', strangers: 'Datagrams from addresses that no server has', forged: 'Requests with a wrong authenticator, or not signed where that is demanded',
  malformed: 'Datagrams that are no CoA-Request or Disconnect-Request', stale: 'Requests outside of the window of time',
} as const
type Count = keyof typeof HELP

/** Dynamic authorization (RFC 5176): a datagram in, its answer out, or none for what is not believed. */
export class DynamicAuthorization implements MetricSource {
  readonly counts = Object.fromEntries(Object.keys(HELP).map((name) => [name, 0])) as Record<Count, number>
  private readonly answered = new AnsweredRequests()
  private readonly rate = new RequestRate()

  constructor(private readonly parts: DynamicParts) {}

  collect(): ReturnType<MetricSource['collect']> {
    return Object.entries(HELP).map(([name, help]) => ({ name: `postern_auth_radius_dynamic_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`, help, type: 'counter', value: this.counts[name as Count] }))
  }

  /** `source`: address of the sender. */
  handle(datagram: Uint8Array, source: string): Uint8Array | undefined {
    const servers = this.parts.serversAt(source)
    if (servers.length === 0) return this.ignored('strangers')
    const now = this.parts.clock.monotonic()
    if (!this.rate.take(now)) return this.ignored('limited')
    const packet = decodePacket(datagram)
    if (!packet || (packet.code !== CODE.coaRequest && packet.code !== CODE.disconnectRequest)) return this.ignored('malformed')
    const server = servers.find((one) => believed(packet, one))
    if (!server) return this.ignored('forged')
    const before = this.answered.answerTo(server.name, packet.authenticator, now)
    if (before) {
      this.counts.repeated++
      return before
    }
    const request = readDynamicRequest(packet, this.parts.nas(), (name) => this.parts.supported(name))
    if ('at' in request && request.at !== undefined && Math.abs(request.at - this.parts.clock.now() / 1000) > WINDOW_SEC) return this.ignored('stale')
    const answer = this.answer(packet, 'refused' in request ? request : this.follow(request, server), server)
    this.answered.add(server.name, packet.authenticator, answer, now)
    return answer
  }

  private ignored(why: Count): undefined {
    this.counts[why]++
  }

  private answer(packet: Packet, outcome: Refused | undefined, server: ServerConfig): Uint8Array {
    const coa = packet.code === CODE.coaRequest
    if (outcome) this.parts.log.warn(coa ? 'CoA-Request refused' : 'Disconnect-Request refused', { server: server.name, cause: outcome.refused, why: outcome.why })
    this.counts[`${coa ? 'coa' : 'disconnect'}${outcome ? 'Nak' : 'Ack'}`]++
    const code = coa ? (outcome ? CODE.coaNak : CODE.coaAck) : outcome ? CODE.disconnectNak : CODE.disconnectAck
    const attributes = [...proxyStates(packet), ...(outcome ? [attribute('Error-Cause', outcome.refused)] : [])]
    return encodeResponse(packet, { code, attributes }, Buffer.from(server.secret.reveal()))
  }

  private follow(request: DynamicRequest, server: ServerConfig): Refused | undefined {
    const { selection } = request
    const { sessions } = this.parts
    const some = selection.session === undefined ? sessions.list() : [sessions.get(selection.session) ?? []].flat()
    const meant = some.filter((session) => this.isMeant(session, selection))
    if (meant.length === 0) return { refused: ERROR_CAUSE.noSuchSession, why: 'no session is like that' }
    return request.kind === 'coa' ? this.change(meant, request, server) : this.disconnect(meant, request, server)
  }

  private isMeant(session: Session, { user, addresses, peer, classes }: Selection): boolean {
    const held = [session.leases.ipv4?.address, session.leases.ipv6?.address]
    if (!addresses.every((address) => held.includes(address)) || (peer !== undefined && endpointAddress(session.peer) !== peer)) return false
    const ticket = this.parts.ticketOf(session)
    if (!ticket) return false
    const names = [session.user.toLowerCase(), ticket.user?.toLowerCase()]
    return (user === undefined || names.includes(user.toLowerCase()))
      && classes.every((value) => ticket.classes.some((own) => value.equals(own)))
  }

  private disconnect(meant: readonly Session[], { message }: DynamicRequest, server: ServerConfig): undefined {
    const text = printable(message) ?? SESSION_ENDS.withdrawn.text
    for (const { id, user, peer } of meant) {
      this.parts.sessions.end(id, 'withdrawn', text)
      this.parts.audit.record({ action: 'session.withdraw', actor: `radius ${server.host}`, subject: user, peer, ok: true, detail: id })
      this.parts.log.info('a RADIUS server has ended a session', { server: server.name, session: id, user })
    }
    return undefined
  }

  private change(meant: readonly Session[], { authorization }: DynamicRequest, server: ServerConfig): Refused | undefined {
    const { audit, log, sessions } = this.parts
    const { values, problems } = this.parts.policyOf(authorization)
    if (problems.length > 0) return { refused: ERROR_CAUSE.invalidValue, why: problems.join('; ') }
    const origin = `radius ${server.host}`
    try {
      for (const { id, user, peer, attributes } of meant) {
        const change = sessions.setAttributes(id, { origin, values: { ...attributes?.values, ...values } })
        const [now, later] = [(change?.changed ?? []).filter((key) => !change?.later.includes(key)), change?.later ?? []].map((keys) => keys.map((key) => POLICY_KEYS[key].key).join(', '))
        const detail = [now && `in force: ${now}`, later && `with the client's next CONNECT or login: ${later}`].filter(Boolean).join('; ') || 'nothing is other than it was'
        audit.record({ action: 'session.change', actor: origin, subject: user, peer, ok: true, detail: `${id}: ${detail}` })
        log.info('a RADIUS server has changed a session', { server: server.name, session: id, user, what: detail })
      }
      return undefined
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return { refused: ERROR_CAUSE.resourcesUnavailable, why: error.message }
    }
  }
}

/** Made by who knows the secret; signed too, where the server is to sign everything. */
function believed(packet: Packet, { secret, requireMessageAuthenticator }: ServerConfig): boolean {
  const proof = proveRequest(packet, Buffer.from(secret.reveal()))
  return proof === 'signed' || (proof === 'plain' && requireMessageAuthenticator !== 'yes')
}

function printable(text: string | undefined): string | undefined {
  const clean = text?.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+/gu, ' ').trim().slice(0, MAX_TEXT)
  return clean === '' ? undefined : clean
}
