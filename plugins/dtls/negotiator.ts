import type { ConnectRequest, Contribution, DeviceListener, DtlsOffer, Logger, Negotiator, OpenInfo, Session, ToldClocks, TunnelSpec } from '../../core/api.ts'
import type { ChannelIds } from './channel-ids.ts'
import { choose, type Choice } from './choose.ts'
import { dialledPort, readDtlsRequest, type DtlsRequest } from './dtls-request.ts'
import type { Suite } from './suite.ts'

const UDP_HEADER = 8
const TYPE_BYTE = 1
const NOTHING: Contribution = { headers: [] }
/** Best first. */
const ENCODINGS = ['oc-lz4', 'lzs'] as const

interface ChannelPart extends Contribution {
  readonly headers: Extract<Contribution['headers'], (tunnel: TunnelSpec, told: ToldClocks) => unknown>
  readonly overhead: number
}

/** The DTLS part of the CONNECT answer, and what the data plane has to know for the handshake. */
export class DtlsNegotiator implements Negotiator, DeviceListener {
  readonly name = 'dtls'
  private ports: ReadonlySet<number> = new Set()
  private aesIsFast = true
  private order: (aesIsFast: boolean) => readonly Suite[]
  private suites: readonly Suite[]
  /** Those of which a session's tunnel has one. */
  private readonly told = new WeakMap<Session, string>()

  /** `order`: the suites that may be used, best first. */
  constructor(
    order: (aesIsFast: boolean) => readonly Suite[],
    private readonly ids: ChannelIds,
    private readonly log: Logger,
  ) {
    this.order = order
    this.suites = order(this.aesIsFast)
  }

  /** Other suites: for each client with its next CONNECT. */
  configure(order: (aesIsFast: boolean) => readonly Suite[]): void {
    this.order = order
    this.suites = order(this.aesIsFast)
  }

  deviceUp({ udp, aesIsFast }: OpenInfo): void {
    this.aesIsFast = aesIsFast
    this.suites = this.order(aesIsFast)
    this.log.info('cipher suites', { first: this.suites[0]?.name, suites: this.suites.length })
    this.ports = new Set(udp.map(({ port }) => port))
  }
  deviceDown(): void {
    this.ports = new Set()
  }

  negotiate(request: ConnectRequest, session: Session): Contribution {
    const { local: { port: local }, proxy } = request.connection
    // A proxy takes TCP alone: datagrams come past it, to the port that is ours.
    const port = proxy ? local : (dialledPort(request) ?? local)
    const asked = readDtlsRequest(request)
    const choice = this.choice(local, asked, session)
    if ('refused' in choice) {
      this.log.info('no dtls', { session: session.id, user: session.user, reason: choice.refused })
      return NOTHING
    }
    this.told.set(session, namesOf(this.suites))
    const offer = choice.mode === 'psk' ? this.shared(choice.suites, session, port) : this.resumed(choice.suite, choice.masterSecret, session, port)
    const encoding = session.policy.values.compression ? ENCODINGS.find((name) => asked.encodings.includes(name)) : undefined
    return encoding === undefined ? offer : compressed(offer, encoding)
  }

  outdated(session: Session): boolean {
    const told = this.told.get(session)
    return told !== undefined && told !== namesOf(this.suites)
  }

  private choice(port: number, asked: DtlsRequest, session: Session): Choice {
    if (!session.policy.values.dtls) return { refused: `dtls = false in ${session.policy.origins.dtls}` }
    return this.ports.has(port) ? choose(asked, this.suites) : { refused: `no UDP port ${port} is open` }
  }

  private shared(suites: readonly Suite[], session: Session, port: number): ChannelPart {
    const id = this.ids.of(session.id, 'psk')
    const dtls: DtlsOffer = { mode: 'psk', id, ciphers: suites.map(({ cipher }) => cipher), helloVerify: true }
    return {
      tunnel: { dtls },
      overhead: overheadOf(suites),
      headers: (_, { dpdSec, keepaliveSec }) => [
        ['X-DTLS-App-ID', hex(id)],
        ['X-DTLS-Port', String(port)],
        ['X-DTLS-Keepalive', String(keepaliveSec)],
        ['X-DTLS-DPD', String(dpdSec)],
        ['X-DTLS-CipherSuite', 'PSK-NEGOTIATE'],
      ],
    }
  }

  // No HelloVerifyRequest: no gateway sends one to a Cisco client that resumes (reference/cisco section 5).
  private resumed(suite: Suite, masterSecret: Uint8Array, session: Session, port: number): ChannelPart {
    const id = this.ids.of(session.id, 'resumed')
    const dtls: DtlsOffer = { mode: 'resumed', id, masterSecret, ciphers: [suite.cipher], helloVerify: false }
    return {
      tunnel: { dtls },
      overhead: overheadOf([suite]),
      headers: ({ mtu }, { dpdSec, keepaliveSec }) => [
        ['X-DTLS-Session-ID', hex(id)],
        ['X-DTLS-Port', String(port)],
        ['X-DTLS-Keepalive', String(keepaliveSec)],
        ['X-DTLS-DPD', String(dpdSec)],
        // Another value than X-CSTP-MTU makes Cisco's clients reconnect when UDP is blocked (reference/cisco section 3).
        ['X-DTLS-MTU', String(mtu)],
        [suite.header, suite.name],
      ],
    }
  }
}

const compressed = ({ tunnel, overhead, headers }: ChannelPart, encoding: (typeof ENCODINGS)[number]): Contribution => ({
  tunnel: { ...tunnel, compression: { dtls: encoding } },
  overhead,
  headers: (spec, told) => [...headers(spec, told), ['X-DTLS-Content-Encoding', encoding]],
})
const overheadOf = (suites: readonly Suite[]): number => UDP_HEADER + Math.max(...suites.map(({ overhead }) => overhead)) + TYPE_BYTE
const namesOf = (suites: readonly Suite[]): string => suites.map(({ name }) => name).join()
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
