/** Acct-Status-Type, RFC 2866 section 5.1. */
export const STATUS_TYPE = { start: 1, stop: 2, interim: 3, on: 7, off: 8 } as const
export type AccountingKind = keyof typeof STATUS_TYPE

/** Inner IP. `in`: from the client. */
export interface Traffic {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly packetsIn: number
  readonly packetsOut: number
}
export const NO_TRAFFIC: Traffic = { bytesIn: 0, bytesOut: 0, packetsIn: 0, packetsOut: 0 }

/** What accounting knows of a session, as it was at one moment. Fit for JSON: the session may be gone when a server hears of it. */
export interface AccountedSession {
  readonly id: string
  /** As the server knows the user. */
  readonly user: string
  /** Values of Class, base64, in the order of the Access-Accept. */
  readonly classes: readonly string[]
  /** Chargeable-User-Identity likewise (RFC 4372). */
  readonly chargeable?: string | undefined
  /** Address of the client. */
  readonly peer: string
  readonly ipv4?: string | undefined
  readonly ipv6?: string | undefined
  /** Between interim records. */
  readonly intervalSec: number
  /** From the login to the first tunnel, ms: where the time of the session begins. */
  readonly beganAfter: number
  readonly seconds: number
  readonly traffic: Traffic
}

/** One thing to tell the servers. Without a session it is the gateway that begins or ends. */
export interface AccountingRecord {
  readonly kind: AccountingKind
  /** Wall clock, ms. */
  readonly at: number
  readonly session?: AccountedSession | undefined
  /** Acct-Terminate-Cause of a stop. */
  readonly cause?: number | undefined
}
