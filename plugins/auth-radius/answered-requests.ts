/** Requests that were answered lately. */
export const MAX_ANSWERED = 4096
/** Of those, the ones without Event-Timestamp could be said again later than any window of time allows. */
export const KEPT_MS = 3_600_000

interface Answered {
  readonly at: number
  readonly answer: Uint8Array
}

/**
 * A request that comes again, because its answer was lost or because somebody recorded it, gets the answer that it had and
 * does nothing. Known by its authenticator, which is a digest of all of it. Bounded in number and time.
 */
export class AnsweredRequests {
  private readonly answers = new Map<string, Answered>()

  /** `now`: monotonic, ms. */
  answerTo(server: string, authenticator: Buffer, now: number): Uint8Array | undefined {
    const known = this.answers.get(keyOf(server, authenticator))
    return known && now - known.at <= KEPT_MS ? known.answer : undefined
  }
  add(server: string, authenticator: Buffer, answer: Uint8Array, now: number): void {
    for (const [key, { at }] of this.answers) {
      if (this.answers.size < MAX_ANSWERED && now - at <= KEPT_MS) break
      this.answers.delete(key)
    }
    this.answers.set(keyOf(server, authenticator), { at: now, answer })
  }
  get size(): number {
    return this.answers.size
  }
}

const keyOf = (server: string, authenticator: Buffer): string => `${server} ${authenticator.toString('base64')}`
