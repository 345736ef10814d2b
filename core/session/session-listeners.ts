import type { DtlsDownReason } from '../dataplane.ts'
import type { Hooks } from '../hooks.ts'
import type { Logger } from '../log.ts'
import type { EndCause, Session, SessionListener } from './session.ts'

/** A line in the log, then the listeners in their order. One that throws is logged and keeps nothing from the others. */
export class SessionListeners {
  constructor(
    private readonly hooks: Hooks<SessionListener>,
    private readonly log: Logger,
  ) {}

  created(session: Session): void {
    this.each((listener) => listener.sessionCreated?.(session))
  }
  up(session: Session): void {
    const { id, user, peer, leases: { ipv4, ipv6 }, tls } = session
    this.log.info('tunnel up', { session: id, user, peer, ipv4: ipv4?.address, ipv6: ipv6?.address, ...tls })
    this.each((listener) => listener.tunnelUp?.(session))
  }
  dtlsUp(session: Session): void {
    const { id, user, dtls } = session
    this.log.info('dtls up', { session: id, user, version: dtls?.version, cipher: dtls?.cipher })
    this.each((listener) => listener.dtlsUp?.(session))
  }
  dtlsDown(session: Session, reason: DtlsDownReason): void {
    this.log.info('dtls down', { session: session.id, user: session.user, reason })
    this.each((listener) => listener.dtlsDown?.(session, reason))
  }
  roamed(session: Session, from: string): void {
    this.log.info('session roamed', { session: session.id, user: session.user, from, to: session.peer })
    this.each((listener) => listener.roamed?.(session, from))
  }
  down(session: Session, reason: string): void {
    this.log.info('tunnel down', { session: session.id, user: session.user, reason })
    this.each((listener) => listener.tunnelDown?.(session, reason))
  }
  ended(session: Session, cause: EndCause): void {
    this.log.info('session ended', { session: session.id, user: session.user, cause })
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
