import { size } from '../../core/api.ts'

export type Period = 'day' | 'week' | 'month'
/** A volume in bytes, both ways together, in each calendar day, week (from Monday) or month of this machine's time zone. */
export interface Quota {
  readonly bytes: number
  readonly period: Period
}

const SIZE = size()

/** `50 GB / month` as the policy has it; undefined: none. Asked for every session every few seconds: most have none. */
export function parseQuota(text: string): Quota | undefined {
  if (text === '') return undefined
  if (text !== last.text) last = { text, quota: parse(text) }
  return last.quota
}

/** Nearly always the next one has the same. */
let last: { readonly text: string; readonly quota: Quota | undefined } = { text: '', quota: undefined }

function parse(text: string): Quota | undefined {
  const [amount = '', period] = text.split(' / ')
  const bytes = SIZE.safeParse(amount)
  return bytes.success && (period === 'day' || period === 'week' || period === 'month') ? { bytes: bytes.data, period } : undefined
}

/** When the period around `now` began, wall clock ms. */
export const periodStart = (period: Period, now: number): number => boundary(period, now, 0)
/** When the next one begins. */
export const periodEnd = (period: Period, now: number): number => boundary(period, now, 1)

function boundary(period: Period, now: number, ahead: number): number {
  const date = new Date(now)
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()]
  if (period === 'month') return new Date(year, month + ahead, 1).getTime()
  if (period === 'week') return new Date(year, month, day - ((date.getDay() + 6) % 7) + 7 * ahead).getTime()
  return new Date(year, month, day + ahead).getTime()
}
