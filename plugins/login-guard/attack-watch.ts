import type { Clock, Health } from '../../core/api.ts'

export const ATTACK = 'LOGIN_ATTACK'
/** Two of these are looked at together. */
const WINDOW_MS = 300_000
const LOOK_MS = 30_000
/** Failures that were not followed by a right password, and attempts that were turned away. */
export const ATTACK_FAILURES = 60
/** So many names from so many networks: one password tried on everybody, from everywhere, slowly enough for each counter. */
export const SPRAY = { names: 30, networks: 10 } as const
const MOST = 2000

interface Window {
  readonly began: number
  failures: number
  turnedAway: number
  readonly names: Set<string>
  readonly networks: Set<string>
}
const empty = (began: number): Window => ({ began, failures: 0, turnedAway: 0, names: new Set(), networks: new Set() })

/** Sees what no single counter does, and says so in the health list while it lasts. */
export class AttackWatch {
  private windows: readonly [Window, Window]
  private timer: { cancel(): void } | undefined
  private raised = false

  constructor(
    private readonly clock: Clock,
    private readonly health: Health,
    private readonly banned: () => number,
  ) {
    this.windows = [empty(clock.monotonic()), empty(-Infinity)]
  }

  start(): void {
    const again = (): void => {
      this.timer = this.clock.after(LOOK_MS, again)
      this.look()
    }
    this.timer = this.clock.after(LOOK_MS, again)
  }
  stop(): void {
    this.timer?.cancel()
    this.health.clear(ATTACK)
  }

  failed(account: string, network: string): void {
    const window = this.current()
    window.failures++
    if (account !== '' && window.names.size < MOST) window.names.add(account)
    if (window.networks.size < MOST) window.networks.add(network)
    if (!this.raised) this.look()
  }
  turnedAway(network: string): void {
    const window = this.current()
    window.turnedAway++
    if (window.networks.size < MOST) window.networks.add(network)
    if (!this.raised) this.look()
  }
  /** The failures were those of somebody who knew the password in the end. */
  forgiven(account: string, failures: number): void {
    let left = failures
    for (const window of this.windows) {
      const taken = Math.min(left, window.failures)
      window.failures -= taken
      left -= taken
      window.names.delete(account)
    }
  }

  private current(): Window {
    const now = this.clock.monotonic()
    const [window] = this.windows
    if (now - window.began < WINDOW_MS) return window
    this.windows = [empty(now), now - window.began < 2 * WINDOW_MS ? window : empty(-Infinity)]
    return this.windows[0]
  }

  private look(): void {
    this.current()
    const sum = (of: (window: Window) => number): number => this.windows.reduce((total, window) => total + of(window), 0)
    const [failures, turnedAway] = [sum((window) => window.failures), sum((window) => window.turnedAway)]
    const distinct = (of: (window: Window) => Set<string>): number => new Set(this.windows.flatMap((window) => [...of(window)])).size
    // Sets are joined only where it may matter.
    const sprayed = sum(({ names }) => names.size) >= SPRAY.names && sum(({ networks }) => networks.size) >= SPRAY.networks && distinct(({ names }) => names) >= SPRAY.names && distinct(({ networks }) => networks) >= SPRAY.networks
    if (failures + turnedAway < ATTACK_FAILURES && !sprayed) {
      if (this.raised) this.health.clear(ATTACK)
      this.raised = false
      return
    }
    this.raised = true
    const how = sprayed ? '; many names from many networks: common passwords are being tried on everybody' : ''
    this.health.raise(ATTACK, 'warning', `logins are under attack: ${failures} failed and ${turnedAway} were turned away in the last 10 minutes, for ${distinct(({ names }) => names)} names, from ${distinct(({ networks }) => networks)} networks, ${this.banned()} bans are in force (postern ban list)${how}`)
  }
}
