/** Bytes of lines that wait at most. */
export const TURN_OUTPUT_LIMIT = 64 * 1024

/**
 * Lines of one turn of the event loop, written together at its end: a busy gateway logs several lines a login, and each
 * write is a system call that wakes the reader. `flush` writes now; so does the exit of the process.
 */
export class TurnOutput {
  private waiting = ''
  private scheduled = false

  constructor(private readonly out: (text: string) => void) {
    process.on('exit', () => this.flush())
  }

  write(line: string): void {
    this.waiting += line
    if (this.waiting.length >= TURN_OUTPUT_LIMIT) this.flush()
    else if (!this.scheduled) {
      this.scheduled = true
      setImmediate(() => {
        this.scheduled = false
        this.flush()
      })
    }
  }

  flush(): void {
    const text = this.waiting
    if (text === '') return
    this.waiting = ''
    this.out(text)
  }
}
