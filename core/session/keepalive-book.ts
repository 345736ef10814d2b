import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import { formatPrefix, parseAddress, prefixOf } from '../net/address.ts'
import type { Policy } from '../policy/policy.ts'
import type { Migration, Store } from '../store/store.ts'
import { KeepaliveLearner, type Evidence } from './keepalive-learner.ts'
import type { LearnedKeepalive } from './session.ts'

export const KEEPALIVE_MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE core_keepalive (
        network TEXT PRIMARY KEY,
        survived_sec INTEGER NOT NULL,
        survived_at INTEGER NOT NULL,
        lost_sec INTEGER NOT NULL,
        lost_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;`,
  },
]

interface Row {
  readonly network: string
  readonly survived_sec: number
  readonly survived_at: number
  readonly lost_sec: number
  readonly lost_at: number
}

/**
 * How much later the client speaks of itself than the gateway. Only a packet of ours, first after a silence, shows whether a
 * NAT still knows the path: a packet of the client makes the mapping anew and proves nothing. So the client's own clocks
 * must not strike before our probe and its retries (`native/src/silence_trial.h`: nine seconds) are over. But strike they
 * must: when our probe was lost, the client's keepalive is what opens the path again, and what shows that it was there all
 * the time.
 *
 * It is told the longest there may be (`mobile-dpd`) with this on top, whatever has been learned: what it was told at CONNECT
 * cannot be changed within a tunnel, and Cisco's clients begin all over when DTLS values differ at a reconnect (reference
 * cisco section 5). Until then the TLS channel carries what comes.
 */
const LATER_SEC = 12
/** Mappings of TCP live for minutes where those of UDP live for seconds; few of those for TCP live less than four. */
const TLS_SEC = 120

/** The outer network of an address: /24 or /48, which is what one operator's NAT or one home has. */
export function outerNetwork(text: string): string | undefined {
  const address = parseAddress(text.replace(/^::ffff:(?=\d+\.)/i, ''))
  return address && formatPrefix(prefixOf(address, address.family === 4 ? 24 : 48))
}

/** What is known of the NATs of mobile clients, kept in the store. Written late: nothing is lost but a lesson. */
export class KeepaliveBook {
  private readonly learner: KeepaliveLearner
  private unsaved = new Map<string, Evidence | undefined>()

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    store.migrate('core-keepalive', KEEPALIVE_MIGRATIONS)
    const rows = store.read((db) => db.prepare('SELECT * FROM core_keepalive ORDER BY max(survived_at, lost_at), network').all() as Row[])
    this.learner = new KeepaliveLearner(
      rows.map(({ network, survived_sec: survivedSec, survived_at: survivedAt, lost_sec: lostSec, lost_at: lostAt }) => [network, { survivedSec, survivedAt, lostSec, lostAt }]),
    )
  }

  /** undefined: the policy has no keepalive, no DPD, or does not want to learn. */
  plan(address: string, { learnKeepalive, keepaliveSec, mobileDpdSec }: Policy): LearnedKeepalive | undefined {
    const network = outerNetwork(address)
    if (!learnKeepalive || keepaliveSec === 0 || mobileDpdSec === 0 || network === undefined) return undefined
    const { sec, settled } = this.learner.interval(network, { startSec: keepaliveSec, capSec: mobileDpdSec }, this.clock.now())
    return {
      network, probeSec: sec, settled,
      tellSec: mobileDpdSec + LATER_SEC,
      tlsSec: Math.max(keepaliveSec, Math.min(TLS_SEC, mobileDpdSec)),
    }
  }

  observe(address: string, seconds: number, survived: boolean): void {
    const network = outerNetwork(address)
    if (network !== undefined) this.learner.observe(network, seconds, survived, this.clock.now())
  }

  save(): void {
    for (const [network, evidence] of this.learner.takeChanges()) this.unsaved.set(network, evidence)
    if (this.unsaved.size === 0) return
    try {
      this.store.write((db) => {
        const remove = db.prepare('DELETE FROM core_keepalive WHERE network = ?')
        const put = db.prepare('INSERT OR REPLACE INTO core_keepalive VALUES (?, ?, ?, ?, ?)')
        for (const [network, evidence] of this.unsaved) {
          if (evidence) put.run(network, evidence.survivedSec, evidence.survivedAt, evidence.lostSec, evidence.lostAt)
          else remove.run(network)
        }
      })
      this.unsaved = new Map()
    } catch (error) {
      this.log.warn('learned keepalives are not stored yet', { networks: this.unsaved.size, error })
    }
  }
}
