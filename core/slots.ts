import type { AuthBackend, Identity, LoginGuard } from './auth.ts'
import type { ClientCertificates } from './client-certificates.ts'
import type { ConnectionHandle, ConnectionInfo, OpenInfo, StatName, TunnelSpec } from './dataplane.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import { Hook, Hooks } from './hooks.ts'
import type { PolicyLayer } from './policy/policy.ts'
import type { Session, SessionListener } from './session/session.ts'

/** The part of the data plane's events that belongs to the transport in front of it. */
export interface ConnectionListener {
  connection(info: ConnectionInfo): void
  data(handle: ConnectionHandle, seq: number, bytes: Uint8Array): void
  end(handle: ConnectionHandle): void
  closed(handle: ConnectionHandle, failed: boolean): void
  flushed(handle: ConnectionHandle): void
}

/** A request on the VPN port as a value, its body read and bounded. Header names are lower case, values as sent. */
export interface HttpRequest {
  readonly method: string
  /** As sent, with its query. */
  readonly target: string
  /** Without query, scheme and authority; not decoded. */
  readonly path: string
  readonly headers: ReadonlyMap<string, readonly string[]>
  /** Empty without a body; overwritten when the answer is there. */
  readonly body: Uint8Array
  readonly connection: ConnectionInfo
  /** Whether somebody still waits for the answer. */
  connected(): boolean
}

/** Date, Content-Length and Connection are added; a body of any length leaves as fast as the client reads. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string | Uint8Array
  /** Instead of the reason phrase of RFC 9110; openconnect shows it. */
  readonly reason?: string
  /** The connection ends behind it. */
  readonly close?: boolean
}

/** Requests on the VPN port outside the login dialogue (SAML callbacks, profiles ...). Path match is exact or by prefix. */
export interface HttpRoute {
  readonly methods: readonly string[]
  readonly path: string
  readonly prefix?: boolean
  /** Whether the request would lead to a login: where nobody can log in (`LoginGuard.barred`) it is answered with why. */
  beginsLogin?(request: HttpRequest): boolean
  handle(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>
}

/** What a client said with CONNECT. Header names are lower case, values as sent. */
export interface ConnectRequest {
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly connection: ConnectionInfo
}
type AnswerHeaders = readonly (readonly [name: string, value: string])[]
/** What the client is told of the clocks of its DTLS channel, seconds; 0 = none. */
export interface ToldClocks {
  readonly dpdSec: number
  readonly keepaliveSec: number
}
/** What a negotiator adds to the CONNECT answer. */
export interface Contribution {
  /** Exact spelling. A function is asked when the tunnel is settled, for values that depend on it. */
  readonly headers: AnswerHeaders | ((tunnel: TunnelSpec, told: ToldClocks) => AnswerHeaders)
  readonly tunnel?: Partial<TunnelSpec>
  /** DNS servers for a client whose policy names none; of both families, each told where the client has an address. */
  readonly dns?: readonly string[]
  /** Domains resolved through the tunnel, for a client whose policy names none. */
  readonly splitDns?: readonly string[]
  /** Most bytes that a channel of its own puts around an inner packet, the outer IP header aside: the MTU leaves room for them. */
  readonly overhead?: number
}
/** Data in, data out: contributes headers and tunnel settings to the CONNECT answer. */
export interface Negotiator {
  readonly name: string
  negotiate(request: ConnectRequest, session: Session): Contribution
  /** Its client was told something else with its last CONNECT than it would be now: a reload that sends clients round sends this one. */
  outdated?(session: Session): boolean
}

/** Somebody who proved who they are and is about to get a session. */
export interface Admission {
  readonly identity: Identity
  readonly group: string
  /** The virtual host of the login; undefined: the gateway itself. */
  readonly host?: string | undefined
  /** Of the request that ended the login; names are lower case, values as sent. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly connection: ConnectionInfo
  /** `config-auth` with a profile is understood; false for the bare form of old clients. */
  readonly aggregate: boolean
  readonly agent: string
  /** Host parts by which the client says it dialled: of its URL, the Host header, the server name of TLS; lower case. */
  readonly dialled: readonly string[]
}
/** Asked before each session is made; the first refusal counts. */
export interface AdmissionRule {
  readonly name: string
  /** `text` is shown by the client, `reason` stands in log and audit. */
  refuse(admission: Admission): { readonly text: string; readonly reason: string } | undefined
}

/** An XML profile that clients keep: named in the document that completes a login, fetched by a client that has another. */
export interface ClientProfile {
  /** Path on the VPN port. */
  readonly path: string
  /** SHA-1 over its exact bytes, upper-case hex. */
  readonly sha1: string
}
export interface ClientProfileSource {
  profile(session: Session): ClientProfile | undefined
}

/** The user's own layer of policy. */
export interface PolicySource {
  layer(user: string): PolicyLayer | undefined
  /** Groups of a user whom this source knows, the default one first; undefined: not known here. */
  groups?(user: string): readonly string[] | undefined
  /** Whose `ipv4-address` or `ipv6-address` it is, in canonical text: nobody else gets it. Asked for each address that is about to be handed out. */
  ownerOf?(address: string): string | undefined
}

/** What a plugin keeps of users by their names, whichever back-end knows them. */
export interface UserRecords {
  readonly name: string
  /** For `postern user show`: keys added to its data, and lines for people; undefined: nothing. */
  describe(user: string): { readonly data: Readonly<Record<string, unknown>>; readonly text: string } | undefined
  /** The user was removed: who gets the name later begins anew. */
  forget(user: string): void
}

/** Called when the data plane is open, before the gateway says it is ready; the disposer runs before it stops. */
export interface DeviceListener {
  deviceUp(info: OpenInfo): void | Promise<void>
  deviceDown(info: OpenInfo): void | Promise<void>
}

/** Called when a reload has brought other pools, groups, hosts or policy, behind the sessions' own `policyChanged`. */
export interface ConfigListener {
  configChanged(config: GatewayConfig, before: GatewayConfig): void | Promise<void>
}

export interface MetricSource {
  /** Rows of one name differ in their labels, which have few values. */
  collect(): readonly {
    readonly name: string
    readonly help: string
    readonly type: 'counter' | 'gauge'
    readonly value: number | bigint
    readonly labels?: Readonly<Record<string, string>>
  }[]
}

/** What `postern status` says of a plugin beside its state: `data` stands in the JSON under `name`, `text` is a line for people; undefined: nothing to say. */
export interface StatusSource {
  readonly name: string
  status(): { readonly data: unknown; readonly text: string | undefined }
}

/** Every extension point of the core. A new one arrives with its first user. */
export class Slots {
  readonly connections = new Hook<ConnectionListener>('connections')
  readonly authBackend = new Hooks<AuthBackend>('authBackend')
  readonly loginGuard = new Hooks<LoginGuard>('loginGuard')
  /** Who wants certificates of clients. */
  readonly clientCertificates = new Hook<ClientCertificates>('clientCertificates')
  readonly negotiator = new Hooks<Negotiator>('negotiator')
  readonly policySource = new Hooks<PolicySource>('policySource')
  readonly userRecords = new Hooks<UserRecords>('userRecords')
  readonly sessionEvents = new Hooks<SessionListener>('sessionEvents')
  readonly admission = new Hooks<AdmissionRule>('admission')
  readonly clientProfile = new Hook<ClientProfileSource>('clientProfile')
  readonly httpRoute = new Hooks<HttpRoute>('httpRoute')
  /** Who needs the UDP port beside each TCP port of the gateway, by name. Read when the data plane opens; nobody: it is not bound. */
  readonly datagrams = new Hooks<string>('datagrams')
  readonly device = new Hooks<DeviceListener>('device')
  readonly configuration = new Hooks<ConfigListener>('configuration')
  readonly metric = new Hooks<MetricSource>('metric')
  readonly status = new Hooks<StatusSource>('status')
}
export type { StatName }
