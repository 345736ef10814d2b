import { periodEnd, type Quota } from './quota.ts'

/** `Monday 23 November 2026, 08:00`, local time. */
export const moment = (at: number): string => {
  const part = (options: Intl.DateTimeFormatOptions): string => new Intl.DateTimeFormat('en-GB', options).format(at)
  return `${part({ weekday: 'long' })} ${part({ day: 'numeric', month: 'long', year: 'numeric' })}, ${part({ hour: '2-digit', minute: '2-digit', hour12: false })}`
}

/** For the user, at most 256 bytes: with DISCONNECT, and with a refused login. */
export const quotaText = (quota: Quota, now: number): string =>
  `Your data volume for this ${quota.period} is used up. It starts again on ${moment(periodEnd(quota.period, now))}.`
export const hoursText = (opensAt: number | undefined): string =>
  opensAt === undefined ? 'You may not connect at this time.' : `You may not connect at this time. You may from ${moment(opensAt)}.`
