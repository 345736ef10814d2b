import { AuditLog } from '../../core/audit-log.ts'
import { HealthList } from '../../core/health-list.ts'
import { openStore } from '../../core/store/open-store.ts'
import { TestClock, TestLog, testDirectory } from '../../core/testing.ts'
import type { LoginAttempt, Session } from '../../core/api.ts'
import { AttackWatch } from './attack-watch.ts'
import { BanCommands } from './ban-commands.ts'
import { BanList } from './ban-list.ts'
import { BanTable, MIGRATIONS } from './ban-table.ts'
import { LoginGuardConfig, settingsOf } from './config.ts'
import { Guard } from './guard.ts'
import { GuardCounters } from './guard-counters.ts'
import { KnownPlaces } from './known-places.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface GuardBenchOptions {
  readonly directory?: string
  readonly clock?: TestClock
  readonly config?: Record<string, unknown>
  readonly known?: number
}

/** The guard on a real store and a clock by hand. */
export class GuardBench {
  readonly directory: string
  readonly clock: TestClock
  readonly log = new TestLog()
  readonly health: HealthList
  readonly audit: AuditLog
  readonly bans: BanList
  readonly counters: GuardCounters
  readonly known: KnownPlaces
  readonly room: WaitingRoom
  readonly watch: AttackWatch
  readonly guard: Guard
  readonly commands: BanCommands
  readonly offline: BanCommands
  readonly ended: string[] = []
  sessions: Pick<Session, 'id' | 'user' | 'peer'>[] = []
  private readonly opened: ReturnType<typeof openStore>

  constructor(options: GuardBenchOptions = {}) {
    this.directory = options.directory ?? testDirectory()
    this.clock = options.clock ?? new TestClock()
    const { clock, log } = this
    this.health = new HealthList(clock, log)
    this.opened = openStore(this.directory, this.health, clock.now())
    const { store } = this.opened
    store.migrate('login-guard', MIGRATIONS)
    this.audit = new AuditLog(store, clock, log)
    const { audit } = this
    const bans = (this.bans = new BanList(new BanTable(store), clock, log))
    const room = (this.room = new WaitingRoom(clock))
    const counters = (this.counters = new GuardCounters({ waiting: () => room.size, banned: () => bans.list().length }))
    const known = (this.known = new KnownPlaces(store, clock, log, options.known))
    const watch = (this.watch = new AttackWatch(clock, this.health, () => bans.list().length))
    const guard = (this.guard = new Guard({ audit, bans, clock, counters, known, log, room, watch }, settingsOf(LoginGuardConfig.parse(options.config ?? {}))))
    const sessions = { list: () => this.sessions as Session[], end: (id: string, cause: string, text = '') => this.ended.push(`${id} ${cause} ${text}`) > 0 }
    this.commands = new BanCommands({ audit, bans, clock, settings: () => guard.settings, serving: { sessions, guard } })
    this.offline = new BanCommands({ audit, bans, clock, settings: () => guard.settings, serving: undefined })
  }

  close(): void {
    this.known.save()
    this.opened.close()
  }
  async run(path: string, target = '', options: Record<string, string | boolean> = {}): Promise<{ readonly data: unknown; readonly text?: string }> {
    const handler = this.commands.handlers[path]
    if (!handler) throw new Error(path)
    return handler({ args: { target }, options, actor: 'cli' })
  }

  attempt(user: string | undefined, peer: string, more: Partial<LoginAttempt> = {}): LoginAttempt {
    return { peer, group: 'default', user, trusted: false, ...more }
  }
  /** How long the attempt is delayed, ms, or the text it is refused with at once. */
  async admitted(user: string | undefined, peer: string, more: Partial<LoginAttempt> = {}): Promise<number | string> {
    let answer: { readonly text?: string } | undefined | 'waits' = 'waits'
    const began = this.clock.monotonic()
    const done = this.guard.admit(this.attempt(user, peer, more)).then((refusal) => (answer = refusal))
    for (let waited = 0; waited <= 60_000; waited += 500) {
      await new Promise((resolve) => setImmediate(resolve))
      if (answer !== 'waits') break
      this.clock.advance(500)
    }
    await done
    const refusal = answer as { readonly text?: string } | undefined
    return refusal ? (refusal.text ?? 'refused') : this.clock.monotonic() - began
  }
  /** Failures without looking at the delay. */
  fail(user: string | undefined, peer: string, times = 1, more: Partial<LoginAttempt> = {}): void {
    for (let time = 0; time < times; time++) this.guard.failed(this.attempt(user, peer, more))
  }
  succeed(user: string, peer: string): void {
    this.guard.succeeded(this.attempt(user, peer))
  }
}
