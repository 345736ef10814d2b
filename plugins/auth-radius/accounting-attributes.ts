import { attribute } from './attributes.ts'
import { STATUS_TYPE, type AccountedSession, type AccountingRecord, type Traffic } from './accounting-record.ts'
import type { Attribute } from './packet.ts'

const WORD = 2 ** 32
/** Acct-Authentic, RFC 2866 section 5.6. */
const BY_RADIUS = 1
const MAX_CLASSES = 8

/** Acct-Delay-Time and Event-Timestamp are those of the moment in which it is sent: `delaySec` after it happened, `now` in wall clock ms. */
export interface SendingMoment {
  readonly delaySec: number
  readonly now: number
}

/** The attributes of an Accounting-Request beside those that name the gateway (RFC 2866 section 5.13, RFC 2869 section 2.1). */
export function accountingAttributes({ kind, session, cause }: AccountingRecord, { delaySec, now }: SendingMoment): readonly Attribute[] {
  const delay = Math.max(0, Math.round(delaySec))
  return [
    attribute('Acct-Status-Type', STATUS_TYPE[kind]),
    ...(session ? ofSession(session) : [attribute('Acct-Session-Id', 'gateway')]),
    ...(session && kind !== 'start' ? [attribute('Acct-Session-Time', word(session.seconds)), ...ofTraffic(session.traffic)] : []),
    ...(cause === undefined ? [] : [attribute('Acct-Terminate-Cause', cause)]),
    attribute('Acct-Delay-Time', word(delay)),
    attribute('Event-Timestamp', word(Math.floor(now / 1000) - delay)),
  ]
}

function ofSession({ id, user, classes, chargeable, peer, ipv4, ipv6 }: AccountedSession): readonly Attribute[] {
  return [
    attribute('Acct-Session-Id', id),
    attribute('Acct-Multi-Session-Id', id),
    attribute('Acct-Authentic', BY_RADIUS),
    attribute('User-Name', user),
    attribute('Calling-Station-Id', peer),
    ...(ipv4 === undefined ? [] : [attribute('Framed-IP-Address', ipv4)]),
    ...(ipv6 === undefined ? [] : [attribute('Framed-IPv6-Address', ipv6)]),
    ...(chargeable === undefined ? [] : [attribute('Chargeable-User-Identity', Buffer.from(chargeable, 'base64'))]),
    ...classes.slice(0, MAX_CLASSES).map((value) => attribute('Class', Buffer.from(value, 'base64'))),
  ]
}

function ofTraffic({ bytesIn, bytesOut, packetsIn, packetsOut }: Traffic): readonly Attribute[] {
  return [
    attribute('Acct-Input-Octets', bytesIn % WORD),
    attribute('Acct-Output-Octets', bytesOut % WORD),
    attribute('Acct-Input-Gigawords', word(Math.floor(bytesIn / WORD))),
    attribute('Acct-Output-Gigawords', word(Math.floor(bytesOut / WORD))),
    attribute('Acct-Input-Packets', packetsIn % WORD),
    attribute('Acct-Output-Packets', packetsOut % WORD),
  ]
}

const word = (value: number): number => Math.min(Math.max(0, Math.floor(value)), WORD - 1)
