import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

export interface CommandOptions {
  /** Network namespace; absent = the one of this process. */
  readonly namespace?: string | undefined
  readonly input?: string | Uint8Array | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
  /** Milliseconds until SIGKILL. Default 30 000. */
  readonly limitMs?: number | undefined
}

export interface CommandResult {
  /** Exit status; -1 when a signal ended it. */
  readonly code: number
  readonly signal: NodeJS.Signals | undefined
  readonly stdout: string
  readonly stderr: string
}

/** Prefixes a command line so that it runs inside a namespace; `ip netns exec` becomes the command, same pid. */
export const inside = (namespace: string | undefined, argv: readonly string[]): string[] =>
  namespace === undefined ? [...argv] : ['ip', 'netns', 'exec', namespace, ...argv]

/** Runs a command to its end. Never throws for a failing command: look at `code`. */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const service = new Service(argv, options)
  service.child.stdin?.end(options.input ?? '')
  const limit = setTimeout(() => service.kill('SIGKILL'), options.limitMs ?? 30_000)
  try {
    return await service.ended
  } finally {
    clearTimeout(limit)
  }
}

/** The same, but a failure is an error that shows what the command said. Returns standard output. */
export async function must(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(argv, options)
  if (result.code !== 0) {
    throw new Error(`${argv.join(' ')}: ${result.signal ?? result.code}\n${result.stdout}${result.stderr}`.trim())
  }
  return result.stdout
}

/** A command that keeps running: its output so far, and waiting for a line of it. */
export class Service {
  readonly child: ChildProcess
  /** Settles when the process has ended and all its output was read; rejects only when it could not be started. */
  readonly ended: Promise<CommandResult>
  stdout = ''
  stderr = ''
  result: CommandResult | undefined
  readonly #argv: readonly string[]

  constructor(argv: readonly string[], options: CommandOptions = {}) {
    this.#argv = argv
    const [file = '', ...rest] = inside(options.namespace, argv)
    this.child = spawn(file, rest, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // A peer that ends early closes its standard input; what it said tells why.
    this.child.stdin?.on('error', () => this.child.stdin?.destroy())
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.result = {
        code: (code as number | null) ?? -1,
        signal: (signal as NodeJS.Signals | null) ?? undefined,
        stdout: this.stdout,
        stderr: this.stderr,
      }
      return this.result
    })
    // Whoever awaits `ended` sees the failure; nobody has to.
    this.ended.catch(() => undefined)
  }

  get pid(): number {
    return this.child.pid ?? -1
  }

  get output(): string {
    return this.stdout + this.stderr
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.child.kill(signal)
  }

  /** Waits until `look` returns something; fails when the process ends first or after `limitMs`. */
  async until<T>(what: string, look: () => T | undefined | false, limitMs = 20_000): Promise<T> {
    return until(`${this.#argv[0]}: ${what}`, () => {
      const seen = look()
      if (seen !== undefined && seen !== false) return seen
      if (this.result) throw new Error(`${this.#argv[0]} ended with ${this.result.signal ?? this.result.code} before ${what}\n${this.output}`)
      return undefined
    }, limitMs, () => this.output)
  }

  /** Asks to end, waits, and insists after `limitMs`. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', limitMs = 10_000): Promise<CommandResult> {
    if (this.result) return this.result
    this.kill(signal)
    const insist = setTimeout(() => this.kill('SIGKILL'), limitMs)
    try {
      return await this.ended
    } finally {
      clearTimeout(insist)
    }
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** Polls every 20 ms. `context` is added to the error of a missed limit. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 20_000,
  context: () => string = () => '',
): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== false) return seen
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${what}\n${context()}`.trim())
    await sleep(20)
  }
}
