import type { EndCause, Session, Sessions, Store } from '../../core/api.ts'

/**
 * The sessions of a user. Without a running gateway there are none to be seen; what is ended then is remembered and
 * settled when the gateway starts, before a client can come back with its cookie.
 */
export class UserSessions {
  constructor(private readonly store: Store, private readonly sessions: Sessions | undefined) {}

  /** undefined: not known here. */
  count(user: string): number | undefined {
    return this.sessions && of(this.sessions, user).length
  }

  /** How many ended; undefined: they end when the gateway starts. */
  end(user: string, cause: EndCause): number | undefined {
    const { sessions } = this
    if (sessions) return of(sessions, user).filter((session) => sessions.end(session.id, cause)).length
    this.store.write((db) => db.prepare('INSERT OR REPLACE INTO user_endings (user, cause) VALUES (?, ?)').run(user, cause))
    return undefined
  }

  /** How many took another policy over, or ended with a group that the user left; undefined: when the gateway starts. */
  renew(user: string): number | undefined {
    return this.sessions?.renewPolicies(user)
  }

  settle(): void {
    const endings = this.store.read((db) => db.prepare('SELECT user, cause FROM user_endings').all() as { user: string; cause: EndCause }[])
    if (endings.length === 0) return
    for (const { user, cause } of endings) this.end(user, cause)
    this.store.write((db) => db.prepare('DELETE FROM user_endings').run())
  }
}

const of = (sessions: Sessions, user: string): readonly Session[] => sessions.list().filter((session) => session.user.toLowerCase() === user.toLowerCase())
