import type { ConnectionInfo, DropHow, DtlsDownReason, TunnelDownReason, TunnelFilter, TunnelSpec } from '../dataplane.ts'
import type { Identity } from '../auth.ts'
import type { PolicyKey, PolicyLayer, ResolvedPolicy } from '../policy/policy.ts'
import type { SessionEvent } from './session-history.ts'
import type { Totals } from './tunnel-totals.ts'

/** Why a session ended; `end-reasons.ts` says what client, accounting, log and audit hear of it. */
export type EndCause =
  | 'user' // BYE b0, logout
  | 'admin' // session drop or terminate
  | 'disconnected-timeout'
  | 'session-timeout'
  | 'idle-timeout'
  | 'inactivity-timeout'
  | 'superseded'
  | 'replaced' // by a newer one of its user, with max-sessions-action
  | 'hours'
  | 'quota'
  | 'user-removed'
  | 'user-locked'
  | 'user-expired'
  | 'group-removed'
  | 'group-left' // its user
  | 'withdrawn' // by the server that had let its user in
  | 'login-unused'
  | 'lease-lost'
  | 'damaged' // its row

export interface Device {
  /** User-Agent, at most 256 printable characters. */
  readonly agent: string
  /** `device-id` text: `linux-64`, `win`, `apple-ios` ... */
  readonly platform?: string | undefined
  readonly hostname?: string | undefined
  readonly uniqueId?: string | undefined
  readonly mobile: boolean
}

export type SessionState = 'tls' | 'dtls' | 'waiting'

export interface Leases {
  /** Address alone; the prefix length is the pool's. */
  readonly ipv4?: { readonly address: string; readonly prefix: number } | undefined
  readonly ipv6?: { readonly address: string; readonly prefix: number } | undefined
}

/** How the channels of a mobile client are kept open; all in seconds. */
export interface LearnedKeepalive {
  /** The outer network it was learned from: `198.51.100.0/24`. */
  readonly network: string
  /** Silence after which the gateway probes over DTLS: its probes are the keepalive. */
  readonly probeSec: number
  /** Whether a longer one will be tried. */
  readonly settled: boolean
  /** What the client is told as its own keepalive and DPD on the DTLS channel, the same at each CONNECT. */
  readonly tellSec: number
  /** Keepalive of the TLS channel, both ways. */
  readonly tlsSec: number
}

/** An authenticated user on a device. Survives its tunnels, a change of network and a restart of the gateway. */
export interface Session {
  /** 26 characters, lower-case base32, globally unique. */
  readonly id: string
  readonly user: string
  readonly group: string
  /** Of the configuration, by the name of its section, where it logged in; undefined: the gateway itself. Stays, whatever name a later CONNECT comes by. */
  readonly host?: string | undefined
  readonly device: Device
  /** Of the back-end that knows its user (`Identity.ticket`); in no listing. */
  readonly ticket?: string | undefined
  /** What the back-end says of its policy now. */
  readonly attributes?: PolicyLayer | undefined
  /** Keys by which its client proves itself: that of the login first, the newest last; none: it has offered none. */
  readonly strapKeys?: readonly Uint8Array[]
  /** In force now; a reload may bring another one. */
  readonly policy: ResolvedPolicy
  /** The one that the client was told with its last CONNECT. */
  readonly told?: ResolvedPolicy | undefined
  readonly createdAt: number
  /** Wall clock, ms; undefined = no session timeout. Not moved by reconnecting. */
  readonly expiresAt: number | undefined
  readonly state: SessionState
  readonly leases: Leases
  /** Networks behind its client that are routed to it now; absent: none. */
  readonly networks?: readonly string[]
  /** Address of the client as last seen, `198.51.100.7:4431`. */
  readonly peer: string
  readonly tls: { readonly version: string; readonly cipher: string } | undefined
  /** The channel the client speaks over, in state `dtls` and only there. `since`: wall clock, ms. */
  readonly dtls: { readonly version: string; readonly cipher: string; readonly since: number } | undefined
  /** Largest inner packet that goes to the client, bytes; undefined without a tunnel. */
  readonly mtu: number | undefined
  /** How the DTLS channel is kept open, where that is learned: for mobile clients. */
  readonly keepalive: LearnedKeepalive | undefined
  readonly connectedAt: number | undefined
  /** Since when there is no tunnel. */
  readonly idleSince: number | undefined
  /** When the wait for the client is over, wall clock; undefined: it has a tunnel, or may wait for ever. */
  readonly waitsUntil: number | undefined
  /** Tunnels so far, since this process began. */
  readonly tunnels: number
  /** The end of the last of them. */
  readonly lastEnd: TunnelEnd | undefined
  /** The last events, oldest first; since this process began. */
  readonly history: readonly SessionEvent[]
}

export interface TunnelEnd {
  readonly reason: DownReason
  /** Wall clock, ms. */
  readonly at: number
  /** One clause for people. */
  readonly text: string
}
/** Why a tunnel ended whose session goes on. `sent-round`: its client has to come for values that changed. */
export type TunnelEndReason = TunnelDownReason | 'sent-round'
/** Why a tunnel ended: by itself, or with its session. */
export type DownReason = TunnelEndReason | EndCause

export interface Login {
  readonly identity: Identity
  readonly group: string
  readonly host?: string | undefined
  readonly device: Device
  readonly peer: string
  /** DER of a P-256 SPKI by which the client will prove itself at CONNECT (reference protocol section 4.4). */
  readonly strapKey?: Uint8Array | undefined
}

export type CookieRefusal = 'malformed' | 'forged' | 'expired' | 'terminated'

export interface TunnelStart {
  readonly session: Session
  readonly connection: ConnectionInfo
  readonly spec: TunnelSpec
  readonly head: Uint8Array
  readonly early: Uint8Array
  readonly seen: number
}

export interface CookieRefused {
  readonly refused: CookieRefusal
  /** Of a session that ended not long ago and whose cookie is genuine. */
  readonly ended?: EndedSession | undefined
}
export interface EndedSession {
  readonly id: string
  readonly user: string
  readonly cause: EndCause
}

export interface Sessions {
  /**
   * Commits the row, then returns. `alongside` writes into the same transaction, so that a login costs one commit.
   * Throws `SESSION_LIMIT` or a store error.
   */
  create(login: Login, alongside?: (session: Session) => void): Session
  /** The value of the `webvpn` cookie: sealed token, base64url. A fresh nonce each time. */
  cookie(session: Session): string
  byCookie(cookie: string): { readonly session: Session } | CookieRefused
  get(id: string): Session | undefined
  list(): readonly Session[]
  /** The session's leases, claimed and committed at the first call, the same ones ever after. Throws `POOL_EXHAUSTED`. */
  claimLeases(session: Session, families: { readonly ipv4: boolean; readonly ipv6: boolean }): Leases
  /** The client has proved itself and signed its next key: in the row before this returns, in memory alone when the store refuses. */
  followStrapKey(session: Session, next: Uint8Array): void
  /** What is known of the network that the client comes from; undefined: its policy's clocks are in force. Meant for mobile clients. */
  keepalive(session: Session, address: string): LearnedKeepalive | undefined
  /**
   * Hands the connection to the data plane. An older tunnel of the session is closed first; the newest wins, at a
   * bounded rate: throws `SESSION_CONTESTED` when two clients push each other out.
   */
  startTunnel(start: TunnelStart): void
  /** The filter of the session's tunnel as it is now, undefined: none. The next CONNECT brings its own. Nothing happens without a tunnel. */
  setFilter(id: string, filter: TunnelFilter | undefined): void
  /** Cumulative over all tunnels of the session, the live one included. */
  counters(session: Session): Totals
  /**
   * Ends the session for good: DISCONNECT (or what `how` says) with `text`, leases into quarantine, cookie dead. False
   * when unknown.
   */
  end(id: string, cause: EndCause, text?: string, how?: DropHow): boolean
  /**
   * Resolves the policy of each session (of that user's) anew and puts in force what a tunnel can take live; the rest comes
   * with the next CONNECT. How many changed. Throws a store error and has changed nothing.
   */
  renewPolicies(user?: string): number
  /**
   * What the back-end says of the session's policy now, in place of what it said at the login; undefined: nothing. Committed,
   * then in force as after `renewPolicies`. Undefined when unknown. Throws a store error and has changed nothing.
   */
  setAttributes(id: string, attributes: PolicyLayer | undefined): AttributesChange | undefined
}

/** Keys whose values are others than before; of them those that count with the next CONNECT or login only. */
export interface AttributesChange {
  readonly changed: readonly PolicyKey[]
  readonly later: readonly PolicyKey[]
}

/** Things that happen to sessions, in the order in which they happen. */
export interface SessionListener {
  sessionCreated?(session: Session): void
  tunnelUp?(session: Session): void
  dtlsUp?(session: Session): void
  /** The tunnel goes on over TLS. None comes when the tunnel itself goes down. */
  dtlsDown?(session: Session, reason: DtlsDownReason): void
  /** The client is elsewhere: `from` and the session's `peer` are endpoints. */
  roamed?(session: Session, from: string): void
  tunnelDown?(session: Session, reason: DownReason): void
  /** The session timeout comes. */
  sessionEnding?(session: Session, secondsLeft: number): void
  /** A changed configuration or user gave it another policy; `before` is the one it had. */
  policyChanged?(session: Session, before: ResolvedPolicy): void
  sessionEnded?(session: Session, cause: EndCause): void
}
