import { execFile } from 'node:child_process'
import type { Logger } from './log.ts'

/** Tells systemd, when it started us (`NOTIFY_SOCKET`); node has no unix datagram socket, so its own tool carries the word. */
export class Systemd {
  private watchdog: NodeJS.Timeout | undefined

  constructor(
    private readonly log: Logger,
    private readonly environment: NodeJS.ProcessEnv = process.env,
  ) {}

  ready(status: string): void {
    this.notify('--ready', `--status=${status}`)
    const usec = Number(this.environment['WATCHDOG_USEC'])
    if (!(usec > 0)) return
    // Half the limit, as sd_watchdog_enabled(3) asks.
    this.watchdog = setInterval(() => this.notify('WATCHDOG=1'), Math.max(1, usec / 2000))
    this.watchdog.unref()
  }

  stopping(): void {
    clearInterval(this.watchdog)
    this.notify('STOPPING=1')
  }

  private notify(...words: string[]): void {
    if (!this.environment['NOTIFY_SOCKET']) return
    execFile('systemd-notify', [`--pid=${process.pid}`, ...words], { timeout: 5000, env: this.environment }, (error) => {
      if (error) this.log.warn('systemd was not told', { words, error: error.message })
    })
  }
}
