import type { Clock } from '../../core/api.ts'
import { BOUNDS } from './thresholds.ts'

export interface Waiter {
  readonly pair: string
  readonly account: string
  readonly network: string
  connected(): boolean
}
export type WaitEnd = 'over' | 'woken' | 'full'

interface Place extends Waiter {
  end(how: WaitEnd): void
}

export interface RoomLimits {
  readonly total: number
  readonly network: number
  readonly account: number
}
const LIMITS: RoomLimits = { total: BOUNDS.waiting, network: BOUNDS.waitingOfNetwork, account: BOUNDS.waitingOfAccount }

/**
 * Answers that are delayed: no worker, no socket and no thread is held, a timer each. When a bound is reached, places of
 * clients that have left are freed; else the newest of the most crowded network gives way to a newcomer from a quieter one.
 */
export class WaitingRoom {
  private readonly places = new Set<Place>()

  constructor(
    private readonly clock: Clock,
    private readonly limits: RoomLimits = LIMITS,
  ) {}

  get size(): number {
    return this.places.size
  }

  wait(waiter: Waiter, ms: number): Promise<WaitEnd> {
    return new Promise((resolve) => {
      if (!this.makeRoom(waiter)) {
        resolve('full')
        return
      }
      const timer = this.clock.after(ms, () => place.end('over'))
      const place: Place = {
        ...waiter,
        end: (how) => {
          timer.cancel()
          this.places.delete(place)
          resolve(how)
        },
      }
      this.places.add(place)
    })
  }

  /** Whose delay may have become another one. */
  wake(matches: (waiter: Waiter) => boolean): void {
    for (const place of [...this.places]) if (matches(place)) place.end('woken')
  }

  close(): void {
    for (const place of [...this.places]) place.end('full')
  }

  private makeRoom({ account, network }: Waiter): boolean {
    const of = (matches: (place: Place) => boolean): Place[] => [...this.places].filter(matches)
    const everybody = (): boolean => true
    const bounds: readonly (readonly [(place: Place) => boolean, number])[] = [
      [everybody, this.limits.total],
      ...(account === '' ? [] : [[(place: Place) => place.account === account, this.limits.account] as const]),
    ]
    const sameNetwork = (place: Place): boolean => place.network === network
    if (this.places.size >= this.limits.network && of(sameNetwork).length >= this.limits.network) {
      this.freeLeft()
      if (of(sameNetwork).length >= this.limits.network) return false
    }
    for (const [matches, limit] of bounds) {
      if (this.places.size < limit || of(matches).length < limit) continue
      this.freeLeft()
      const crowd = of(matches)
      if (crowd.length >= limit && !giveWay(crowd, network)) return false
    }
    return true
  }

  private freeLeft(): void {
    for (const place of [...this.places]) if (!place.connected()) place.end('full')
  }
}

/** Of a network with at least two more places than the newcomer's. */
function giveWay(places: readonly Place[], newcomer: string): boolean {
  const byNetwork = new Map<string, Place[]>()
  for (const place of places) byNetwork.set(place.network, [...(byNetwork.get(place.network) ?? []), place])
  const own = byNetwork.get(newcomer)?.length ?? 0
  let crowd: Place[] = []
  for (const one of byNetwork.values()) if (one.length > crowd.length) crowd = one
  if (crowd.length < own + 2) return false
  crowd.at(-1)?.end('full')
  return true
}
