/** What a RADIUS login leaves behind for the accounting of its session; kept with the session's row. */
export interface Ticket {
  /** Values of every Class (RFC 2865 section 5.25: to be sent back unmodified). */
  readonly classes: readonly Buffer[]
  /** Chargeable-User-Identity (RFC 4372). */
  readonly chargeable?: Buffer | undefined
  /** Name of the server that accepted. */
  readonly server: string
  /** User-Name for accounting: the one of the Access-Accept where it has one. */
  readonly user: string
  /** Acct-Interim-Interval, seconds. */
  readonly interimSec?: number | undefined
}
const MAX_TICKET = 4096

/** Text of at most 4 KiB: the Class values beyond are left out. */
export function writeTicket({ classes, chargeable, ...rest }: Ticket): string {
  const text = JSON.stringify({ radius: 1, ...rest, classes: classes.map((one) => one.toString('base64')), ...(chargeable && { chargeable: chargeable.toString('base64') }) })
  return Buffer.byteLength(text) <= MAX_TICKET || classes.length === 0 ? text : writeTicket({ ...rest, chargeable, classes: classes.slice(0, -1) })
}

/** Undefined for what this plugin has not written. */
export function readTicket(text: string | undefined): Ticket | undefined {
  if (!text?.startsWith('{"radius":1,')) return undefined
  const { classes, chargeable, server, user, interimSec } = JSON.parse(text) as { classes: string[]; chargeable?: string; server: string; user: string; interimSec?: number }
  return { classes: classes.map(bytes), ...(chargeable !== undefined && { chargeable: bytes(chargeable) }), server, user, ...(interimSec !== undefined && { interimSec }) }
}
const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
