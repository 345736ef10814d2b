import { randomBytes } from 'node:crypto'
import { systemClock } from './clock.ts'
import type { Crypt } from './crypt.ts'
import type { DataPlane } from './dataplane.ts'
import { DataPlaneError, GatewayError } from './errors.ts'
import { Gateway } from './gateway.ts'
import { locate } from './locations.ts'
import { PinoLogger } from './pino-logger.ts'
import type { LocationOptions, Plugin } from './plugin.ts'
import { Systemd } from './systemd.ts'
import type { X509 } from './x509.ts'

/** From the first signal to the exit. */
const STOP_LIMIT_MS = 5000
export interface ServeParts {
  readonly plugins: readonly Plugin[]
  readonly createDataPlane: () => DataPlane
  readonly crypt?: Crypt | undefined
  readonly x509?: X509 | undefined
  /** Called before any secret is read. */
  readonly forbidCoreDumps?: (() => void) | undefined
}

/** The gateway in the foreground, until a signal ends it. Resolves with the exit code. */
export async function serve(options: LocationOptions, { plugins, createDataPlane, crypt, x509, forbidCoreDumps }: ServeParts): Promise<number> {
  const log = PinoLogger.stdout()
  const keepAlive = setInterval(() => undefined, 2 ** 30)
  const systemd = new Systemd(log)
  const ending = watchForEnd(log)
  try {
    forbidCoreDumps?.()
    const gateway = await Gateway.start({ locations: locate(options), plugins, createDataPlane, crypt, x509, clock: systemClock, log })
    const reload = (): void => {
      systemd.reloading()
      gateway.reload()
        .catch((error: unknown) => log.error('configuration refused, the old one stays', { reason: textOf(error) }))
        .finally(() => systemd.reloaded())
    }
    process.on('SIGHUP', reload)
    const { listeners, device, workers, offloads, openssl } = gateway.openInfo ?? {}
    if (gateway.fresh) log.info('there are no users yet: add one with `postern user add NAME --password-stdin`')
    log.info('gateway ready', { listeners, device, workers, offloads, openssl, certificate: gateway.pin })
    systemd.ready('serving', () => gateway.alive)
    const code = await ending.wait
    systemd.stopping()
    const limit = setTimeout(() => {
      log.error('stop took too long', { limitMs: STOP_LIMIT_MS })
      process.exit(1)
    }, STOP_LIMIT_MS)
    await gateway.stop()
    clearTimeout(limit)
    process.off('SIGHUP', reload)
    log.info('gateway stopped')
    return code
  } catch (error) {
    process.stderr.write(`postern: ${startError(error)}\n`)
    return 1
  } finally {
    clearInterval(keepAlive)
    ending.forget()
  }
}

/** Resolves with the exit code at the first signal or fault; a second signal exits at once. */
function watchForEnd(log: PinoLogger): { readonly wait: Promise<number>; forget(): void } {
  let resolve: (code: number) => void = () => undefined
  const wait = new Promise<number>((done) => (resolve = done))
  let asked = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(130)
    asked = true
    log.info('stopping', { signal })
    log.flush()
    resolve(0)
  }
  const onFault = (error: unknown): void => {
    log.error('unexpected error: the gateway stops', { errorId: randomBytes(4).toString('hex'), error })
    resolve(1)
  }
  const handlers = [['SIGTERM', onSignal], ['SIGINT', onSignal], ['uncaughtException', onFault], ['unhandledRejection', onFault]] as const
  for (const [event, handler] of handlers) process.on(event, handler as () => void)
  return {
    wait,
    forget: () => {
      for (const [event, handler] of handlers) process.off(event, handler as () => void)
    },
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** One line for what can be told in one; a mistake in the program keeps its stack. */
export function startError(error: unknown): string {
  if (error instanceof DataPlaneError && (error.errno === 'EPERM' || error.errno === 'EACCES')) return `${error.message} (run it as root, or with CAP_NET_ADMIN and CAP_NET_BIND_SERVICE)`
  if (error instanceof GatewayError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
