import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from './clock.ts'
import { GatewayError } from './errors.ts'
import type { Health, HealthEntry } from './health.ts'
import type { LogFields, Logger } from './log.ts'

/** Both clocks by hand. `advance` moves them together and calls what is due; `jump` sets the wall clock alone. */
export class TestClock implements Clock {
  private time = 1000
  private wall: number
  private timers: { readonly at: number; readonly fn: () => void }[] = []

  constructor(wall = Date.UTC(2026, 10, 21, 8)) {
    this.wall = wall - this.time
  }
  now(): number {
    return this.wall + this.time
  }
  monotonic(): number {
    return this.time
  }
  after(ms: number, fn: () => void): { cancel(): void } {
    const timer = { at: this.time + ms, fn }
    this.timers.push(timer)
    return { cancel: () => void (this.timers = this.timers.filter((other) => other !== timer)) }
  }
  get pending(): number {
    return this.timers.length
  }
  jump(ms: number): void {
    this.wall += ms
  }
  advance(ms: number): void {
    const end = this.time + ms
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.timers = this.timers.filter((timer) => timer !== next)
      this.time = Math.max(this.time, next.at)
      next.fn()
    }
    this.time = end
  }
}

export interface LogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  readonly name: string
  readonly message: string
  readonly fields: LogFields
}
/** Keeps its lines. */
export class TestLog implements Logger {
  constructor(
    readonly lines: LogLine[] = [],
    private readonly name = '',
  ) {}
  error = (message: string, fields: LogFields = {}): void => this.add('error', message, fields)
  warn = (message: string, fields: LogFields = {}): void => this.add('warn', message, fields)
  info = (message: string, fields: LogFields = {}): void => this.add('info', message, fields)
  debug = (message: string, fields: LogFields = {}): void => this.add('debug', message, fields)
  child(name: string): TestLog {
    return new TestLog(this.lines, name)
  }
  has(message: string): boolean {
    return this.lines.some((line) => line.message === message)
  }
  private add(level: LogLine['level'], message: string, fields: LogFields): void {
    this.lines.push({ level, name: this.name, message, fields })
  }
}

const directories: string[] = []
/** A directory that goes with the process. */
export function testDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-test-'))
  if (directories.push(directory) === 1) process.on('exit', () => directories.forEach((one) => rmSync(one, { recursive: true, force: true })))
  return directory
}

/** The code of the GatewayError that `fn` throws. */
export function codeOf(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    if (error instanceof GatewayError) return error.code
    throw error
  }
  return 'nothing was thrown'
}

/** Health entries by code. */
export class ListedHealth implements Health {
  readonly entries = new Map<string, HealthEntry>()
  raise(code: string, severity: HealthEntry['severity'], text: string): void {
    this.entries.set(code, { code, severity, text, since: '' })
  }
  clear(code: string): void {
    this.entries.delete(code)
  }
  list(): readonly HealthEntry[] {
    return [...this.entries.values()]
  }
}
