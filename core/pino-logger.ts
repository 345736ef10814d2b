import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger as Pino } from 'pino'
import { GatheredOutput } from './gathered-output.ts'
import type { LogFields, Logger } from './log.ts'
import { redactFields } from './redact.ts'

/** One JSON line for each call: `level` as a word, `time` as RFC 3339, `plugin`, `msg`, then the fields, masked. */
export class PinoLogger implements Logger {
  private constructor(
    private readonly pino: Pino,
    /** Writes what waits to be written. */
    readonly flush: () => void,
  ) {}

  /** On standard output many at once, errors without delay: the last line before an exit is never lost. */
  static stdout(): PinoLogger {
    const stream = destination({ fd: 1, sync: true })
    // The reader of our output went away: keep serving without a log.
    stream.on('error', () => undefined)
    const output = new GatheredOutput((text) => void stream.write(text))
    return PinoLogger.to(output, () => output.flush())
  }

  /** For one command: standard output belongs to its answer. Warnings and errors only. */
  static stderr(): PinoLogger {
    const logger = PinoLogger.to(destination({ fd: 2, sync: true }))
    logger.pino.level = 'warn'
    return logger
  }

  static to(stream: DestinationStream, flush: () => void = () => undefined): PinoLogger {
    return new PinoLogger(
      pino(
        {
          level: 'info',
          base: null,
          formatters: { level: (label) => ({ level: label }) },
          timestamp: stdTimeFunctions.isoTime,
        },
        stream,
      ),
      flush,
    )
  }

  error(message: string, fields: LogFields = {}): void {
    this.pino.error(redactFields(fields), message)
    this.flush()
  }
  warn(message: string, fields: LogFields = {}): void {
    this.pino.warn(redactFields(fields), message)
  }
  info(message: string, fields: LogFields = {}): void {
    this.pino.info(redactFields(fields), message)
  }
  debug(message: string, fields: LogFields = {}): void {
    if (this.pino.isLevelEnabled('debug')) this.pino.debug(redactFields(fields), message)
  }
  child(name: string): PinoLogger {
    return new PinoLogger(this.pino.child({ plugin: name }), this.flush)
  }
}
