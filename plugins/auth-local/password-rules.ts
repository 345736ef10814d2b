import type { Logger } from '../../core/api.ts'
import { isBreached } from './breached-passwords.ts'
import type { AuthLocalConfig } from './config.ts'
import { passwordProblem } from './user.ts'

/** What a new password has to be, by the configuration in force. */
export class PasswordRules {
  constructor(
    readonly config: () => AuthLocalConfig,
    private readonly log: Pick<Logger, 'error'>,
  ) {}

  /** In the words of a form, for who is about to choose one. */
  get text(): string {
    return `It has at least ${this.config()['min-length']} characters and is not your user name.`
  }

  /** Why `password` is not acceptable for the user, or undefined. A list of breached ones that cannot be read refuses none. */
  async problem(name: string, password: string): Promise<string | undefined> {
    const { 'min-length': minimum, 'breached-passwords-file': file } = this.config()
    const problem = passwordProblem(name, password, minimum)
    if (problem !== undefined || file === undefined) return problem
    try {
      return (await isBreached(file, password)) ? 'this password is known from a breach elsewhere; take another one' : undefined
    } catch (error) {
      this.log.error('the list of breached passwords cannot be read: nothing is compared with it', { file, error })
      return undefined
    }
  }

  /** Whether a password that was set then has to be changed. */
  isTooOld(setAt: number, now: number): boolean {
    const limit = this.config()['password-max-age']
    return limit !== undefined && now - setAt >= limit * 1000
  }
}
