import { flatten, nameOf, valueOf, valuesOf, type Found } from './attributes.ts'
import type { AttributeName } from './dictionary.ts'
import { ERROR_CAUSE, type ErrorCause } from './error-cause.ts'
import { MESSAGE_AUTHENTICATOR } from './message-authenticator.ts'
import { CODE, type Attribute, type Packet } from './packet.ts'

/** Which sessions are meant: all of it must be so. Never empty. */
export interface Selection {
  readonly session?: string | undefined
  readonly user?: string | undefined
  /** Canonical text. */
  readonly addresses: readonly string[]
  readonly peer?: string | undefined
  readonly classes: readonly Buffer[]
}
export interface DynamicRequest {
  readonly kind: 'coa' | 'disconnect'
  readonly selection: Selection
  /** What is to be in force from now on; empty for a disconnect. */
  readonly authorization: readonly Found[]
  /** Reply-Message, as sent. */
  readonly message: string | undefined
  /** Of Event-Timestamp, seconds since 1970. */
  readonly at: number | undefined
}
export interface Refused {
  readonly refused: ErrorCause
  /** For the log. */
  readonly why: string
}

/** What the gateway calls itself to its servers; undefined: it does not say. */
export interface NasIdentity {
  readonly identifier: string
  isOwnAddress(address: string): boolean
}

const VIRTUAL_PORT = 5
const AUTHORIZE_ONLY = 17
/** Not about authorization. */
const IDENTIFYING: readonly AttributeName[] = ['Acct-Session-Id', 'Acct-Multi-Session-Id', 'User-Name', 'Framed-IP-Address', 'Framed-IPv6-Address', 'Calling-Station-Id', 'Class', 'NAS-Identifier', 'NAS-IP-Address', 'NAS-IPv6-Address', 'NAS-Port-Type']
const ACCOMPANYING: readonly AttributeName[] = ['Event-Timestamp', 'Proxy-State', 'Reply-Message', 'Acct-Terminate-Cause']

/** `supported`: attributes that can change in a session that stands. */
export function readDynamicRequest(packet: Packet, nas: NasIdentity, supported: (name: AttributeName) => boolean): DynamicRequest | Refused {
  const found = flatten(packet.attributes.filter(({ type }) => type !== MESSAGE_AUTHENTICATOR))
  const kind = packet.code === CODE.coaRequest ? 'coa' : 'disconnect'
  const other = otherGateway(found, nas)
  if (other !== undefined) return { refused: ERROR_CAUSE.otherGateway, why: `it is meant for ${other}` }
  if (valueOf(found, 'Service-Type') === AUTHORIZE_ONLY) return { refused: ERROR_CAUSE.unsupportedService, why: 'it wants a request for authorization (Service-Type = Authorize-Only)' }
  const authorization: Found[] = []
  for (const one of found) {
    const name = nameOf(one)
    if (name !== undefined && valuesOf([one], name).length === 0) return { refused: ERROR_CAUSE.invalidRequest, why: `${name} is malformed` }
    if (name !== undefined && (IDENTIFYING.includes(name) || ACCOMPANYING.includes(name))) continue
    if (name === undefined || kind === 'disconnect' || !supported(name)) return { refused: ERROR_CAUSE.unsupportedAttribute, why: `${name ?? `attribute ${one.vendor === 0 ? '' : `${one.vendor}/`}${one.type}`} is not supported here` }
    authorization.push(one)
  }
  const selection = selectionOf(found)
  if (!selection) return { refused: ERROR_CAUSE.invalidRequest, why: 'Acct-Session-Id and Acct-Multi-Session-Id differ' }
  if (selection.session === undefined && selection.user === undefined && selection.addresses.length === 0 && selection.peer === undefined) {
    return { refused: ERROR_CAUSE.missingAttribute, why: 'it names no session: Acct-Session-Id, User-Name, Framed-IP-Address or Calling-Station-Id' }
  }
  if (kind === 'coa' && authorization.length === 0) return { refused: ERROR_CAUSE.missingAttribute, why: 'it changes nothing' }
  const messages = valuesOf(found, 'Reply-Message')
  return { kind, selection, authorization, message: messages.length > 0 ? messages.join('') : undefined, at: valueOf(found, 'Event-Timestamp') }
}

function otherGateway(found: readonly Found[], { identifier, isOwnAddress }: NasIdentity): string | undefined {
  const name = valuesOf(found, 'NAS-Identifier').find((value) => value !== identifier)
  const address = [...valuesOf(found, 'NAS-IP-Address'), ...valuesOf(found, 'NAS-IPv6-Address')].find((value) => !isOwnAddress(value))
  const port = valuesOf(found, 'NAS-Port-Type').find((value) => value !== VIRTUAL_PORT)
  return name !== undefined ? JSON.stringify(name.slice(0, 64)) : (address ?? (port === undefined ? undefined : `ports of type ${port}`))
}

/** Both ids of accounting are the session's. */
function selectionOf(found: readonly Found[]): Selection | undefined {
  const ids = new Set([...valuesOf(found, 'Acct-Session-Id'), ...valuesOf(found, 'Acct-Multi-Session-Id')])
  if (ids.size > 1) return undefined
  return {
    session: [...ids][0], user: valueOf(found, 'User-Name'), peer: valueOf(found, 'Calling-Station-Id'),
    addresses: [...valuesOf(found, 'Framed-IP-Address'), ...valuesOf(found, 'Framed-IPv6-Address')], classes: valuesOf(found, 'Class'),
  }
}

/** Goes back as it came (RFC 5176 section 3.1). */
export const proxyStates = (packet: Packet): readonly Attribute[] => packet.attributes.filter(({ type }) => type === PROXY_STATE)
const PROXY_STATE = 33
