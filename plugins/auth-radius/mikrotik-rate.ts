/**
 * `rx/tx` in bits a second with k, M or G, as the router sees it: rx comes from the client. What stands behind (bursts) is left aside.
 * Bytes a second; undefined for anything else.
 */
export function mikrotikRates(text: string): { readonly up: number; readonly down: number } | undefined {
  const match = /^(\d{1,9})([kMG]?)(?:\/(\d{1,9})([kMG]?))?(?:\s|$)/.exec(text)
  if (!match) return undefined
  const [, up = '', upUnit = '', down = up, downUnit = upUnit] = match
  return { up: rate(up, upUnit), down: rate(down, downUnit) }
}
const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 }
const rate = (digits: string, unit: string): number => Math.floor((Number(digits) * (FACTORS[unit] ?? 1)) / 8)
