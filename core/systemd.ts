import { execFile } from 'node:child_process'
import type { Logger } from './log.ts'

/** Tells systemd, when it started us (`NOTIFY_SOCKET`); node has no unix datagram socket, so its own tool carries the word. */
export class Systemd {
  private watchdog: NodeJS.Timeout | undefined
  private told: Promise<void> = Promise.resolve()

  constructor(
    private readonly log: Logger,
    private readonly environment: NodeJS.ProcessEnv = process.env,
  ) {}

  /** From now on, where it is wanted (`WATCHDOG_USEC`), a sign of life as long as `alive` says so: systemd restarts a gateway without. */
  ready(status: string, alive: () => boolean): void {
    this.notify('--ready', `--status=${status}`)
    const usec = Number(this.environment['WATCHDOG_USEC'])
    if (!(usec > 0)) return
    alive()
    // Half the limit, as sd_watchdog_enabled(3) asks.
    this.watchdog = setInterval(() => {
      if (alive()) this.notify('WATCHDOG=1')
      else this.log.error('a thread of the data plane does not answer: systemd hears nothing of us')
    }, Math.max(1, usec / 2000))
    this.watchdog.unref()
  }

  reloading(): void {
    this.notify('RELOADING=1')
  }
  reloaded(): void {
    this.notify('--ready')
  }

  stopping(): void {
    clearInterval(this.watchdog)
    this.notify('STOPPING=1', '--status=stopping')
  }

  /** One after the other: systemd must not hear of the end of a reload before its begin. */
  private notify(...words: string[]): void {
    if (!this.environment['NOTIFY_SOCKET']) return
    this.told = this.told.then(() => new Promise((done) => {
      execFile('systemd-notify', [`--pid=${process.pid}`, ...words], { timeout: 5000, env: this.environment }, (error) => {
        if (error) this.log.warn('systemd was not told', { words, error: error.message })
        done()
      })
    }))
  }
}
