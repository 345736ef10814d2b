import type { Clock, Logger } from '../../core/api.ts'
import type { UserSessions } from './user-sessions.ts'
import type { UserTable } from './user-table.ts'

const PERIOD_MS = 60_000

/** Ends the sessions of users whose account has expired, at most a minute late: a client reconnects without a login. */
export class ExpiryWatch {
  private timer: { cancel(): void } | undefined

  constructor(private readonly users: UserTable, private readonly sessions: UserSessions, private readonly clock: Clock, private readonly log: Logger) {}

  start(): void {
    this.timer = this.clock.after(PERIOD_MS, () => {
      this.start()
      try {
        this.sweep()
      } catch (error) {
        this.log.warn('expired users cannot be looked up', { error })
      }
    })
  }

  stop(): void {
    this.timer?.cancel()
  }

  sweep(): void {
    for (const user of this.users.expired(this.clock.now())) this.sessions.end(user, 'user-expired')
  }
}
