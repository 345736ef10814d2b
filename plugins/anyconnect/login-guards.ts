import type { Barred, LoginAttempt, LoginGuard } from '../../core/api.ts'

/** Why nobody can log in from there. */
export function barredBy(guards: readonly LoginGuard[], peer: string): (Barred & { readonly guard: string }) | undefined {
  for (const guard of guards) {
    const barred = guard.barred?.(peer)
    if (barred) return { ...barred, guard: guard.name }
  }
  return undefined
}

/** The guards of one run of a login: admitted before its first answer is judged, told once how the whole chain went. */
export class LoginGuards {
  private admitted: LoginAttempt | undefined

  constructor(private readonly guards: readonly LoginGuard[]) {}

  /** An answer was judged and nobody knows yet how it ends. */
  get pending(): boolean {
    return this.admitted !== undefined
  }

  /** Asks for who was not yet asked for in this run. */
  async admit(attempt: LoginAttempt): Promise<{ readonly guard: string; readonly refusal: NonNullable<Awaited<ReturnType<LoginGuard['admit']>>> } | undefined> {
    if (this.admitted && this.admitted.user === attempt.user) return undefined
    for (const guard of this.guards) {
      const refusal = await guard.admit(attempt)
      if (refusal) return { guard: guard.name, refusal }
    }
    this.admitted = attempt
    return undefined
  }

  failed(): void {
    this.conclude((guard, attempt) => guard.failed(attempt))
  }
  succeeded(): void {
    this.conclude((guard, attempt) => guard.succeeded(attempt))
  }
  /** Neither: an account that is locked, a server that does not answer. */
  forget(): void {
    this.admitted = undefined
  }

  private conclude(tell: (guard: LoginGuard, attempt: LoginAttempt) => void): void {
    const attempt = this.admitted
    this.admitted = undefined
    if (attempt) for (const guard of this.guards) tell(guard, attempt)
  }
}
