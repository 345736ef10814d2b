import type { Hooks } from '../hooks.ts'
import type { Logger } from '../log.ts'
import type { EndCause, Session, SessionListener } from './session.ts'

/** Tells listeners in their order. One that throws is logged and keeps nothing from the others. */
export class SessionListeners {
  constructor(
    private readonly hooks: Hooks<SessionListener>,
    private readonly log: Logger,
  ) {}

  created(session: Session): void {
    this.each((listener) => listener.sessionCreated?.(session))
  }
  up(session: Session): void {
    this.each((listener) => listener.tunnelUp?.(session))
  }
  down(session: Session, reason: string): void {
    this.each((listener) => listener.tunnelDown?.(session, reason))
  }
  ended(session: Session, cause: EndCause): void {
    this.each((listener) => listener.sessionEnded?.(session, cause))
  }

  private each(tell: (listener: SessionListener) => void): void {
    for (const listener of this.hooks.list()) {
      try {
        tell(listener)
      } catch (error) {
        this.log.error('a session listener failed', { error })
      }
    }
  }
}
