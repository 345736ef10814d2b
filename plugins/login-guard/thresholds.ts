/** What the guard counts and bounds; README.md has it as a table, which a test keeps. */
export const THRESHOLDS = {
  /** Points of a failure; of one under a name that the network has not failed with before. */
  failure: 1,
  newName: 2,
  /** Points from which the next attempt is delayed. */
  freePair: 3,
  freeAccount: 10,
  /** First delay and longest one, ms: Cisco's clients wait 12 s or more for an answer. */
  firstDelayMs: 1000,
  maxDelayMs: 10_000,
  /** A /48 of IPv6 is banned at so many times the points of a /64. */
  siteFactor: 4,
  /** The longest automatic ban, and how long a ban that is over is remembered to make the next one longer, ms. */
  maxBanMs: 86_400_000,
  rememberedMs: 86_400_000,
} as const

/** Entries kept in memory, rows in the store, delayed answers. */
export const BOUNDS = {
  pairs: 32_768,
  networks: 32_768,
  sites: 8192,
  accounts: 32_768,
  namesOfNetwork: 64,
  automaticBans: 20_000,
  manualBans: 10_000,
  knownPlaces: 200_000,
  waiting: 1024,
  waitingOfNetwork: 128,
  waitingOfAccount: 32,
} as const

/** How long an attempt waits at `points` when `free` of them are free, ms: 1, 2, 4, 8, 10 s. */
export function delayAt(points: number, free: number): number {
  const beyond = Math.floor(Math.round(points) - free)
  return beyond < 0 ? 0 : Math.min(THRESHOLDS.firstDelayMs * 2 ** Math.min(beyond, 20), THRESHOLDS.maxDelayMs)
}
