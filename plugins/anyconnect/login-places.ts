import { sourceNetwork } from '../../core/api.ts'

/** Answers judged at once. A user's share is split by network, so that who attacks a name from one place leaves room for its owner. */
export const PLACE_LIMITS = { total: 1000, perUser: 16, perUserAndNetwork: 4 } as const

/** Logins in flight: from an answer that may be judged to the verdict on it. */
export class LoginPlaces {
  private readonly taken = new Map<string, number>()
  private all = 0

  get size(): number {
    return this.all
  }

  /** Returns what gives the place back, once; undefined when none is free. Who is `trusted` needs no place of the user. */
  enter(user: string | undefined, peer: string, trusted: boolean): (() => void) | undefined {
    const name = user?.toLowerCase()
    const shares = name === undefined || trusted ? [] : [[`u${name}`, PLACE_LIMITS.perUser], [`n${sourceNetwork(peer)} ${name}`, PLACE_LIMITS.perUserAndNetwork]] as const
    if (this.all >= PLACE_LIMITS.total || shares.some(([key, limit]) => (this.taken.get(key) ?? 0) >= limit)) return undefined
    this.all++
    for (const [key] of shares) this.taken.set(key, (this.taken.get(key) ?? 0) + 1)
    let held = true
    return () => {
      if (!held) return
      held = false
      this.all--
      for (const [key] of shares) {
        const left = (this.taken.get(key) ?? 1) - 1
        if (left > 0) this.taken.set(key, left)
        else this.taken.delete(key)
      }
    }
  }
}
