type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown }
type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

/** Where the command line talks: nothing is asked or painted where nobody sits. */
export class Terminal {
  private pipeBroken = false
  private colors = true

  constructor(readonly input: Input, private readonly output: Output, readonly errors: Output, private readonly environment: Readonly<Record<string, string | undefined>>) {
    // `postern session list | head -1` is no failure.
    const quiet = (error: NodeJS.ErrnoException): void => {
      if (error.code !== 'EPIPE') throw error
      this.pipeBroken = true
    }
    output.on('error', quiet)
    errors.on('error', quiet)
  }

  print(text: string): void {
    if (!this.pipeBroken) this.output.write(text)
  }

  /** To standard error. */
  complain(text: string): void {
    this.errors.write(text)
  }

  /** Somebody can be asked: questions go to standard error, answers come from standard input. */
  get interactive(): boolean {
    return this.input.isTTY === true && this.errors.isTTY === true
  }

  get showsProgress(): boolean {
    return this.errors.isTTY === true && this.environment['TERM'] !== 'dumb'
  }

  /** Columns of the screen; undefined when the output goes elsewhere, where lines may be as long as they like. */
  get width(): number | undefined {
    return this.output.isTTY ? (this.output.columns ?? 80) : undefined
  }

  withoutColors(): void {
    this.colors = false
  }

  get colored(): boolean {
    return this.colors && this.output.isTTY === true && !this.environment['NO_COLOR'] && this.environment['TERM'] !== 'dumb'
  }
}
