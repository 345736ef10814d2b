/**
 * How long the NATs of an outer network let a UDP path be silent, from what idle sessions live through (reference rivals,
 * E.4). Pure: seconds and a wall clock reading in, intervals out. Of each network it keeps the longest silence that was
 * survived and the shortest that was not.
 */
export interface Evidence {
  /** Seconds; 0 = none was survived yet. */
  readonly survivedSec: number
  /** Wall clock, ms; 0 without. */
  readonly survivedAt: number
  /** The same of the shortest silence after which nothing came through; 0 = none. */
  readonly lostSec: number
  readonly lostAt: number
}

export interface Limits {
  /** The interval to begin with. */
  readonly startSec: number
  /** The longest one to try. */
  readonly capSec: number
}

export interface Interval {
  readonly sec: number
  /** Nothing longer will be tried until what is known is forgotten. */
  readonly settled: boolean
}

const NOTHING: Evidence = { survivedSec: 0, survivedAt: 0, lostSec: 0, lostAt: 0 }
const GROWTH = 1.5
/** Of the longest survivor: timers of NATs, clients and ours are only so exact. */
const MARGIN = 0.9
/** Tried at the least, unless the policy begins below. */
const FLOOR_SEC = 5
/** Networks change their equipment. */
export const FORGET_MS = 30 * 86_400_000
/** A survivor that is seen again is not younger before this: it would be a row to write each time. */
const REFRESH_MS = 86_400_000
/** Networks that are remembered; the one heard of longest ago goes first. */
export const MAX_NETWORKS = 4096

export class KeepaliveLearner {
  /** Those heard of last stand last. */
  private readonly networks = new Map<string, Evidence>()
  private changed = new Set<string>()

  constructor(known: Iterable<readonly [network: string, evidence: Evidence]> = []) {
    for (const [network, evidence] of known) this.keep(network, evidence)
    this.changed.clear()
  }

  get size(): number {
    return this.networks.size
  }

  /** After `sec` of silence our first packet came through, or did not. Where evidence contradicts itself, the shorter silence is believed. */
  observe(network: string, sec: number, survived: boolean, now: number): void {
    const before = this.known(network, now)
    const after = survived ? withSurvivor(before, sec, now) : withLoss(before, sec, now)
    if (after !== before) this.changed.add(network)
    this.keep(network, after)
  }

  /**
   * Grows by a half from `startSec` until something was lost, then stays safely under the longest silence that survived.
   * Nothing survived yet that is shorter than what was lost: down by a third.
   */
  interval(network: string, { startSec, capSec }: Limits, now: number): Interval {
    const { survivedSec, lostSec } = this.known(network, now)
    const floor = Math.min(FLOOR_SEC, startSec)
    const bounded = (sec: number, settled: boolean): Interval => ({ sec: Math.max(1, Math.min(capSec, Math.max(floor, Math.floor(sec)))), settled })
    if (survivedSec === 0) return bounded(lostSec === 0 ? startSec : Math.min(startSec, lostSec / GROWTH), false)
    const next = Math.floor(survivedSec * GROWTH)
    if (lostSec !== 0 && next >= lostSec) return bounded(survivedSec * MARGIN, true)
    return bounded(lostSec === 0 ? Math.max(next, startSec) : next, survivedSec >= capSec)
  }

  /** Networks whose evidence has changed since the last call; undefined: it is forgotten. */
  takeChanges(): ReadonlyMap<string, Evidence | undefined> {
    const changes = new Map([...this.changed].map((network) => [network, this.networks.get(network)]))
    this.changed = new Set()
    return changes
  }

  private known(network: string, now: number): Evidence {
    const evidence = this.networks.get(network) ?? NOTHING
    const old = (at: number): boolean => at !== 0 && now - at > FORGET_MS
    if (!old(evidence.survivedAt) && !old(evidence.lostAt)) return evidence
    return {
      ...evidence,
      ...(old(evidence.survivedAt) && { survivedSec: 0, survivedAt: 0 }),
      ...(old(evidence.lostAt) && { lostSec: 0, lostAt: 0 }),
    }
  }

  private keep(network: string, evidence: Evidence): void {
    this.networks.delete(network)
    this.networks.set(network, evidence)
    for (const oldest of this.networks.keys()) {
      if (this.networks.size <= MAX_NETWORKS) break
      this.networks.delete(oldest)
      this.changed.add(oldest)
    }
  }
}

function withSurvivor(before: Evidence, sec: number, now: number): Evidence {
  if (before.lostSec !== 0 && sec >= before.lostSec) return before
  if (sec < before.survivedSec || (sec === before.survivedSec && now - before.survivedAt < REFRESH_MS)) return before
  return { ...before, survivedSec: sec, survivedAt: now }
}

function withLoss(before: Evidence, sec: number, now: number): Evidence {
  const survivor = before.survivedSec < sec ? before : { ...before, survivedSec: 0, survivedAt: 0 }
  if (survivor === before && before.lostSec !== 0 && sec > before.lostSec) return before
  return { ...survivor, lostSec: before.lostSec === 0 ? sec : Math.min(before.lostSec, sec), lostAt: now }
}
