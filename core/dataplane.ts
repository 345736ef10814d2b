/**
 * The border between the control plane (TypeScript, one thread) and the data plane (C++ threads).
 *
 * `native/binding.d.ts` declares what the addon really exports; `native/index.ts` adapts it to this
 * interface; `native/fake.ts` implements this interface in memory; the contract suite
 * (`test/conformance/dataplane.contract.ts`) runs against both.
 *
 * No packet crosses this border. Bytes of a connection cross it only before promotion.
 */

/** A pre-login TLS connection. 31 bits with a generation; a stale handle is a no-op everywhere. */
export type ConnectionHandle = number & { readonly __brand: 'ConnectionHandle' }
/** A promoted tunnel; the number is chosen by the control plane and never reused within a process. */
export type TunnelHandle = number & { readonly __brand: 'TunnelHandle' }

export interface ListenAddress {
  /** Numeric IPv4 or IPv6 address. */
  readonly address: string
  /** 0 lets the kernel choose; the chosen port is in `OpenInfo`. */
  readonly port: number
}

/** What the TUN device carries; swapped live as a whole. */
export interface DeviceSpec {
  /** Addresses of the gateway on it, with prefix: `10.20.0.1/16`, `fd20::1/64`. */
  readonly addresses: readonly string[]
  /** Further prefixes routed into it: networks behind clients. */
  readonly routes: readonly string[]
}

export interface OpenSpec extends DeviceSpec {
  readonly listen: readonly ListenAddress[]
  /** TUN name, may hold `%d`. */
  readonly device: string
  /** MTU of the TUN device, bytes. */
  readonly mtu: number
  /** Data workers; 0 = by the machine (reference dataplane section 7). */
  readonly workers: number
  /** Directory of the lock files that keep a second gateway off the same address (taken before bind). */
  readonly lockDirectory: string
  readonly limits: ConnectionLimits
  /** Open the UDP port of the same number beside each listening TCP port, for DTLS. Default false. */
  readonly udp?: boolean
  /** Networks whose connections begin with a PROXY header, version 1 or 2, before TLS: `10.0.0.0/8`. Others must not have one. */
  readonly proxies?: readonly string[]
  /** Approved algorithms only: AES-GCM, P-256, P-384; of a tunnel's DTLS offer what is left of it. Default false. */
  readonly fips?: boolean
}

/** What a peer may cost before login. */
export interface ConnectionLimits {
  /** Connections in any pre-login state. Default 2000. */
  readonly connections: number
  /** The same, from one source address behind a proxy or not (an IPv6 /64 counts as one). Further ones wait, unread: half of `connections` for each front thread, of all addresses. Default 32. */
  readonly connectionsPerAddress: number
  /** Open handshakes for each front thread, and twice what one source address may have open. Default 32. */
  readonly handshakes: number
  /** Milliseconds that a handshake may take, and that a connection waits for its beginning. Default 10 000. */
  readonly handshakeTimeoutMs: number
}

export const DEFAULT_LIMITS: ConnectionLimits = {
  connections: 2000,
  connectionsPerAddress: 32,
  handshakes: 32,
  handshakeTimeoutMs: 10_000,
}

export interface OpenInfo {
  readonly device: string
  readonly listeners: readonly ListenAddress[]
  /** Where datagrams are taken; empty without DTLS. */
  readonly udp: readonly ListenAddress[]
  readonly workers: number
  readonly fronts: number
  /** `tso4 tso6 uso4 uso6 csum`, as the kernel accepted them. */
  readonly offloads: readonly string[]
  /** AES-GCM is not slower than ChaCha20 on this processor: measured once. */
  readonly aesIsFast: boolean
  /** Version text of the OpenSSL that answers, and the object it lives in. */
  readonly openssl: { readonly version: string; readonly object: string }
}

export interface TlsCertificate {
  /** PEM, leaf first, whole chain. */
  readonly chainPem: string
  readonly keyPem: string
}

/** One value per server name; the first context answers when no name matches. Swapped live as a whole. */
export interface TlsContextSpec {
  /** Lower-case host names, `*.example.com` allowed; empty only for the default context. */
  readonly serverNames: readonly string[]
  /** RSA and ECDSA side by side are allowed, one of each. */
  readonly certificates: readonly TlsCertificate[]
  /** Ask the client for a certificate in the handshake; never fails the handshake by itself. */
  readonly requestClientCertificate: boolean
  /** CA names sent in the request, and trust anchors for the verify result. */
  readonly clientCaPem?: string
}

export interface ConnectionInfo {
  readonly handle: ConnectionHandle
  /** The client, as the proxy tells it where there is one. */
  readonly peer: ListenAddress
  /** Ours, of the TCP connection. */
  readonly local: ListenAddress
  /** Who passes the connection on: `peer` comes from its PROXY header. */
  readonly proxy?: ListenAddress
  readonly serverName?: string
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly tlsVersion: string
  /** OpenSSL's name. */
  readonly cipher: string
  /** Longest IP packet towards the peer, bytes, as the kernel knows it of the TCP connection; absent when it does not, and behind a proxy. */
  readonly pathMtu?: number
  /** What a client signs to show that a key is its own (reference protocol section 4.4): its Finished, 12, 32 or 48 bytes; with TLS 1.3 also 32 of the exporter of RFC 9266. */
  readonly channelBindings: readonly Uint8Array[]
  /** DER, leaf first; empty without a client certificate. */
  readonly peerCertificates: readonly Uint8Array[]
  /** X509_V_OK = 0; meaningful only with certificates. */
  readonly verifyResult: number
}

/** How the client of a tunnel may open its DTLS channel (reference protocol section 9.2). */
export interface DtlsOffer {
  /** `psk`: the key is an exporter of the tunnel's TLS connection. `resumed`: abbreviated handshake with the client's master secret. */
  readonly mode: 'psk' | 'resumed'
  /** 1 to 32 bytes that nobody can guess: the session_id of the client's ClientHello. */
  readonly id: Uint8Array
  /** 48 bytes with `resumed`. The data plane copies them within the call. */
  readonly masterSecret?: Uint8Array
  /** OpenSSL's names in the gateway's order; exactly one with `resumed`. */
  readonly ciphers: readonly string[]
  /** Ask for a cookie before any work is done. Not when a Cisco client resumes (reference cisco section 5). */
  readonly helloVerify: boolean
  /**
   * With `psk`: the key of the session's first tunnel, 32 bytes. Clients built on OpenSSL keep it for the life of their
   * process (reference protocol section 9.8). Which of the two a client uses shows at its Finished. The data plane copies it
   * within the call.
   */
  readonly formerSecret?: Uint8Array
  /** The client is known to use the former key: it is tried first, and taken where the suite allows no trial. */
  readonly formerFirst?: boolean
}

/** Why a DTLS channel ended while its tunnel goes on. The order is the wire between C++ and TypeScript (`native/src/event.h`). */
export const DTLS_DOWN_REASONS = [
  'closed', // close_notify of the client
  'dpd', // no answer to DPD
  'replaced', // by a newer handshake of the same tunnel
  'forged', // too many records that do not authenticate
  'withdrawn', // `updateTunnel` without the offer
  'unreachable', // the network refuses what we send
  'rekey', // its keys have done what they may
] as const
export type DtlsDownReason = (typeof DTLS_DOWN_REASONS)[number]

/** Everything the data plane has to know of a tunnel. A whole value: `updateTunnel` replaces it, but for secrets of `dtls` that it leaves out: those stay. */
export interface TunnelSpec {
  readonly ipv4?: string
  readonly ipv6?: string
  /** Prefixes behind the client: routed to it, the longest first, and its packets may come from them. Of two tunnels with the same one the newer has it. */
  readonly networks?: readonly string[]
  /** Largest inner packet towards the client, bytes. */
  readonly mtu: number
  /** Seconds of silence after which the gateway probes; 0 = never. */
  readonly dpdSec: number
  /** Unanswered probes before the tunnel is given up. */
  readonly dpdRetries: number
  /** Seconds without sending after which a keepalive goes out; 0 = never. */
  readonly keepaliveSec: number
  /** The same two for the DTLS channel, where they differ. */
  readonly dtlsDpdSec?: number
  readonly dtlsKeepaliveSec?: number
  /** Seconds after which we give our own keys of a TLS 1.3 channel way to new ones (KeyUpdate, RFC 8446 section 4.6.3); 0, the default: only when their limit comes. */
  readonly rekeySec?: number
  /** Absent: packets go as they are. */
  readonly compression?: TunnelCompression
  /** May the DTLS channel follow its client to another address or port? Default true. */
  readonly roaming?: boolean
  /** The last tunnel of the same session: packets that came for its client since it ended, a moment ago, go to this one. */
  readonly predecessor?: TunnelHandle
  /** Report what silences the path of the DTLS channel survives (`silence`). Default false. */
  readonly learning?: boolean
  /** Bytes of inner packets a second, each way; 0, the default: no limit. What is beyond waits, bounded, and is thinned out (CoDel). */
  readonly rateUp?: number
  readonly rateDown?: number
  /** Further rates, which all tunnels with the same `id` have together and share fairly. */
  readonly shares?: readonly RateShare[]
  /** Absent: the tunnel has its TLS channel alone. */
  readonly dtls?: DtlsOffer
  /** Absent: everything passes, and no packet pays for it. */
  readonly filter?: TunnelFilter
}

/** What may pass through a tunnel, where the kernel's own firewall does not judge it. Knows no connections: an answer is a packet like any other. */
export interface TunnelFilter {
  /** For packets from the client, by their destination: the first rule that matches decides; where none does, the packet passes. */
  readonly rules: readonly FilterRule[]
  /** CIDR of both families: packets from there do not go to the client. */
  readonly closedTo?: readonly string[]
  /** Nothing passes between the client and what is routed to any tunnel, networks behind clients among it. */
  readonly apart?: boolean
}
/** What cannot be seen of a packet (a later fragment has no ports) is taken to match where the rule drops, and not to where it passes. */
export interface FilterRule {
  readonly verdict: 'pass' | 'drop'
  /** Absent: any. `icmp`: ICMP and ICMPv6. */
  readonly protocol?: FilterProtocol | undefined
  /** Destination ports, first and last; only with `tcp` and `udp`. */
  readonly ports?: readonly [first: number, last: number] | undefined
  /** CIDR of both families; absent: everywhere. */
  readonly to?: readonly string[] | undefined
  /** Everywhere but `to`. */
  readonly elsewhere?: boolean | undefined
}
export type FilterProtocol = 'tcp' | 'udp' | 'icmp'

/** A rate of several tunnels together, those of a user or of a group. */
export interface RateShare {
  /** 32 bits; chosen by the control plane. */
  readonly id: number
  /** Bytes a second, 0 = no limit. What was given last counts for all. */
  readonly rateUp: number
  readonly rateDown: number
}

/** Codecs of a tunnel, the same both ways (reference protocol section 8). A codec that was not agreed on is not decoded either. */
export interface TunnelCompression {
  readonly cstp?: 'lzs' | 'oc-lz4' | 'deflate'
  readonly dtls?: 'lzs' | 'oc-lz4'
}

/** Cumulative counters of one tunnel, payload bytes and packets of inner IP. */
export interface TunnelCounters {
  readonly rxPackets: bigint
  readonly rxBytes: bigint
  readonly txPackets: bigint
  readonly txBytes: bigint
  /** Dropped: foreign inner source. */
  readonly rxSpoofed: bigint
  /** Dropped: not an IP packet, or of the wrong length. */
  readonly rxInvalid: bigint
  /** Dropped: the client does not read. */
  readonly txDropped: bigint
  /** The part of the first four that took the DTLS channel. */
  readonly dtlsRxPackets: bigint
  readonly dtlsRxBytes: bigint
  readonly dtlsTxPackets: bigint
  readonly dtlsTxBytes: bigint
  /** Milliseconds since the client was last heard / since it last sent payload, at reading. */
  readonly silentMs: bigint
  readonly inactiveMs: bigint
}
/** Order of the words of a tunnel's counters in a BigUint64Array and in the tail of `tunnelDown`. */
export const TUNNEL_COUNTERS = [
  'rxPackets', 'rxBytes', 'txPackets', 'txBytes', 'rxSpoofed', 'rxInvalid', 'txDropped',
  'dtlsRxPackets', 'dtlsRxBytes', 'dtlsTxPackets', 'dtlsTxBytes', 'silentMs', 'inactiveMs',
] as const satisfies readonly (keyof TunnelCounters)[]

/** Why a tunnel ended. The order is the wire between C++ and TypeScript (`native/src/event.h`). */
export const TUNNEL_DOWN_REASONS = [
  'gone', // the connection died before or during the hand-over
  'eof', // TCP or TLS closed by the peer without DISCONNECT
  'peer-disconnect', // CSTP DISCONNECT; `detail` holds its payload
  'dpd', // no answer to DPD
  'frame', // FRAME_OUT_OF_SYNC class: bad magic, length or reserved byte
  'tls', // fatal TLS error
  'dropped', // by `drop`
  'superseded', // by `drop(..., 'close')` of a newer tunnel of the same session
  'stopped', // the data plane stops
  'internal',
  'rekey', // the keys of its TLS 1.2 channel have done what they may: the client comes back with new ones
] as const
export type TunnelDownReason = (typeof TUNNEL_DOWN_REASONS)[number]

export interface TunnelDown {
  readonly reason: TunnelDownReason
  /** Payload of the peer's DISCONNECT (first byte is its code), else empty. At most 512 bytes. */
  readonly detail: Uint8Array
  readonly counters: TunnelCounters
}

/** `disconnect` is final for clients; after `close` they come back with their cookie (reference protocol section 8). */
export type DropHow = 'disconnect' | 'terminate' | 'close'

export interface Promotion {
  readonly connection: ConnectionHandle
  readonly tunnel: TunnelHandle
  readonly spec: TunnelSpec
  /** Status line and headers of the CONNECT answer, complete with the blank line. */
  readonly head: Uint8Array
  /** Bytes the parser had already taken behind the CONNECT request. */
  readonly early: Uint8Array
  /** Number of the last `data` chunk the control plane has seen on this connection (border section 5). */
  readonly seen: number
}

/** Process-wide counters, in the order of the BigUint64Array that `stats` fills. */
export const STATS = [
  'accepted', 'handshakes', 'handshakeFailures', 'handshakeTimeouts', 'refusedConnections', 'refusedPerAddress',
  'connectionsOpen', 'handshakesOpen', 'promoted', 'tunnelsOpen',
  'tunRxPackets', 'tunRxBytes', 'tunTxPackets', 'tunTxBytes', 'tunReads', 'tunWrites', 'tunWriteErrors',
  'cstpRxFrames', 'cstpTxFrames', 'cstpFrameErrors', 'tlsWrites', 'tlsReads',
  'rxSpoofed', 'rxInvalid', 'noRoute', 'tooBig', 'txDropped', 'handedOver', 'handOverDropped', 'unknownFrames',
  'dpdReceived', 'dpdSent', 'keepalivesSent', 'dpdTimeouts', 'eventsQueued', 'eventBatches', 'moderationPauses',
  'slowReaders', // closed before login because the peer does not read
  'udpReads', 'udpWrites', 'udpRxDatagrams', 'udpTxDatagrams', 'udpWriteErrors', 'udpUnknown', 'udpOverflow',
  'udpHandedOver', 'udpHandOverDropped', 'udpMoved',
  'dtlsHellosVerified', 'dtlsHellosRefused', 'dtlsHandshakes', 'dtlsHandshakeFailures', 'dtlsHandshakesRefused', 'dtlsHandshakesOpen',
  'dtlsOpen', 'dtlsRxRecords', 'dtlsTxRecords', 'dtlsReplayed', 'dtlsForged', 'dtlsInvalid',
  'mergesDisabled', // kinds of packets that are no longer merged because the kernel refused a merged one
  'codelDropped', 'codelMarked', // waiting too long for a client that reads slowly
  'keyUpdatesSent', 'keyUpdatesReceived', 'dtlsRekeys', 'dtlsRoamed', 'dtlsRoamingRefused',
  'mtuProbes', 'mtuLowered', 'mssClamped', 'compressed', 'decompressed', 'decompressFailures',
  'connectionsWaiting',
  'proxied', // connections whose PROXY header was taken
  'proxyHeadersRefused', // without one, or with none that is right
  'filtered', // packets that the filter of their tunnel did not let pass
  'rxDropped', // packets of clients that send beyond their rate
] as const
export type StatName = (typeof STATS)[number]

/** Called on the JavaScript thread. An exception thrown here is reported and does not reach the data plane. */
export interface DataPlaneHandler {
  connection(info: ConnectionInfo): void
  /** One chunk of at most 16 KiB; the next comes only after `grant(handle, seq)`. `bytes` is valid until the call returns. */
  data(handle: ConnectionHandle, seq: number, bytes: Uint8Array): void
  /** The peer sent FIN or close_notify; writing is still possible. */
  end(handle: ConnectionHandle): void
  /** The connection is gone; the handle is dead. */
  closed(handle: ConnectionHandle, failed: boolean): void
  /** All bytes of writes with `notify` have left. */
  flushed(handle: ConnectionHandle): void
  tunnelUp(tunnel: TunnelHandle): void
  /** Exactly one of tunnelUp-then-tunnelDown or tunnelDown follows every promote. */
  tunnelDown(tunnel: TunnelHandle, down: TunnelDown): void
  /** The client speaks over DTLS; only while the tunnel is up. `cipher` is OpenSSL's name; `former`: with the offer's `formerSecret`. */
  dtlsUp(tunnel: TunnelHandle, cipher: string, former: boolean): void
  /** The DTLS channel ended and the tunnel goes on over TLS. None follows when the tunnel itself goes down. A newer handshake: `replaced`, then dtlsUp again. */
  dtlsDown(tunnel: TunnelHandle, reason: DtlsDownReason): void
  /** The DTLS channel has followed its client there, after a record newer than any before (reference protocol section 9.6). */
  roamed(tunnel: TunnelHandle, peer: ListenAddress): void
  /** With `learning`: the path of the DTLS channel was silent for so long, then we spoke. `survived`: and were answered. */
  silence(tunnel: TunnelHandle, seconds: number, survived: boolean): void
  /** Largest inner packet that the path to the client takes, when that changes; at most the tunnel's `mtu`. */
  pathMtu(tunnel: TunnelHandle, mtu: number): void
}

export interface DataPlane {
  /** Locks, binds, creates the TUN device, starts the threads. Throws DataPlaneError and leaves nothing behind. */
  open(spec: OpenSpec, tls: readonly TlsContextSpec[], handler: DataPlaneHandler): OpenInfo
  /** Throws DataPlaneError (`ERR_TLS_KEY_MISMATCH`, `ERR_TLS_PEM`) and keeps the old contexts. */
  configureTls(contexts: readonly TlsContextSpec[]): void
  /** Takes the place of the device's addresses and routes. Gives one line for each that the kernel refuses; the others are in force. */
  configureDevice(spec: DeviceSpec): readonly string[]
  grant(handle: ConnectionHandle, seq: number): void
  write(handle: ConnectionHandle, bytes: Uint8Array, notify: boolean): void
  /** Flush, close_notify, FIN, then close within 5 s. */
  end(handle: ConnectionHandle): void
  destroy(handle: ConnectionHandle, reset: boolean): void
  promote(promotion: Promotion): void
  updateTunnel(tunnel: TunnelHandle, spec: TunnelSpec): void
  /** `text` is sent with DISCONNECT (at most 256 bytes of UTF-8). */
  drop(tunnel: TunnelHandle, how: DropHow, text: string): void
  /** The key behind the `psk` offer of that id, for `formerSecret` of later ones; undefined without a tunnel that has it. */
  dtlsSecret(id: Uint8Array): Uint8Array | undefined
  /** undefined for an unknown tunnel. */
  tunnelCounters(tunnel: TunnelHandle): TunnelCounters | undefined
  /** Every thread has gone through a round of its work since this was last asked (the first time: true); false when it is not open. */
  alive(): boolean
  stats(): Readonly<Record<StatName, bigint>>
  /** Synchronous; tunnels are closed without DISCONNECT so that clients return. Idempotent. */
  stop(): void
}
