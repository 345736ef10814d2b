import { formatDuration, formatPrefix, parseAddress, parsePrefix, type Prefix } from '../../core/api.ts'

/** Readers of ocserv's values (reference ocserv-conf B.0). */

/** `true` and `yes` are on, anything else is off. */
export const isOn = (text: string): boolean => /^(?:true|yes)$/i.test(text)

/** As `atoi`: the digits in front. `exact`: there was nothing else. */
export function numberIn(text: string): { readonly value: number; readonly exact: boolean } {
  const digits = /^\d{1,15}/.exec(text)?.[0] ?? ''
  return { value: Number(digits), exact: digits !== '' && digits === text }
}

/** Seconds, at most `most`, as `"9h"`. */
export const durationText = (seconds: number, most: number): string => formatDuration(Math.min(seconds, most))

/** Bytes a second, of which ocserv keeps whole thousands, as `"320 kbit/s"`; empty: no limit. */
export function rateText(bytes: number): string {
  const kilobits = Math.floor(bytes / 1000) * 8
  if (kilobits === 0) return ''
  return kilobits % 1000 === 0 ? `${kilobits / 1000} Mbit/s` : `${kilobits} kbit/s`
}

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fd00::/8`; host bits are cleared. */
export function networkIn(text: string): Prefix | undefined {
  const [address = '', mask = '', ...rest] = text.split('/')
  if (rest.length > 0) return undefined
  const length = mask.includes('.') ? lengthOf(mask) : undefined
  return parsePrefix(length === undefined ? text : `${address}/${length}`)
}

/** `255.255.0.0` -> 16; undefined when the ones do not stand together. */
export function lengthOf(mask: string): number | undefined {
  const value = parseAddress(mask)
  if (value?.family !== 4) return undefined
  const bits = value.value.toString(2).padStart(32, '0')
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined
}

export const networkText = (text: string): string | undefined => {
  const network = networkIn(text)
  return network && formatPrefix(network)
}

/** Words between blanks. */
export const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')
