/** Bytes of lines that wait at most. */
export const GATHERED_LIMIT = 64 * 1024

/** How long a line waits at most, ms: what a process loses that is killed. */
export const GATHERED_MS = 20

/**
 * Lines that wait a moment to be written together: a busy gateway logs with every login, and each write is a system call
 * that wakes the reader. `flush` writes now; so does the exit of the process.
 */
export class GatheredOutput {
  private waiting = ''
  private scheduled = false

  constructor(private readonly out: (text: string) => void) {
    process.on('exit', () => this.flush())
  }

  write(line: string): void {
    this.waiting += line
    if (this.waiting.length >= GATHERED_LIMIT) this.flush()
    else if (!this.scheduled) {
      this.scheduled = true
      setTimeout(() => {
        this.scheduled = false
        this.flush()
      }, GATHERED_MS)
    }
  }

  flush(): void {
    const text = this.waiting
    if (text === '') return
    this.waiting = ''
    this.out(text)
  }
}
