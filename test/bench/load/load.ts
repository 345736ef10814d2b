import { resolve } from 'node:path'
import { must } from '../../lab/command.ts'
import { GATEWAY, type Host } from '../../lab/lab.ts'

const FOLDER = import.meta.dirname
export const LOAD = resolve(FOLDER, 'build/postern-load')

let built: Promise<unknown> | undefined

/** Builds the generator unless it is newer than its sources; once in a process, one process at a time. */
export async function buildLoad(): Promise<void> {
  built ??= must(['flock', FOLDER, 'make', '-C', FOLDER, '--no-print-directory', '-j2'], { limitMs: 600_000 })
  await built
}

export interface LoadOptions {
  /** Absent: cookies are given by `args`. */
  readonly user?: string
  readonly password?: string
  /** Further arguments as README.md lists them: `--mode resumed --suite …`. */
  readonly args?: readonly string[]
  /** Default the lab's gateway. */
  readonly server?: string
  readonly limitMs?: number
}

export interface LoadSession {
  readonly tls: { readonly version: string; readonly cipher: string }
  readonly ipv4: string
  readonly ipv6: string
  readonly mtu: number
  readonly dpdSec: number
  readonly granted: 'psk' | 'resumed' | 'none'
  readonly dtls?: {
    readonly version: string
    readonly cipher: string
    readonly resumed: boolean
    readonly helloVerified: boolean
    readonly ms: number
    readonly datagramsOut: number
    readonly datagramsIn: number
  }
}

export interface LoadSteps {
  readonly ok: boolean
  /** Why nothing could be tried. */
  readonly error?: string
  readonly session: LoadSession
  readonly steps: readonly { readonly step: string; readonly ok: boolean; readonly report: Readonly<Record<string, unknown>> }[]
  readonly records?: Readonly<Record<'sent' | 'received' | 'duplicates' | 'forged' | 'odd' | 'alerts', number>>
}

/** Command line of a generator command for a client in the lab. */
export function loadArgv(command: string, options: LoadOptions, words: readonly string[] = []): string[] {
  const user = options.user === undefined ? [] : ['--user', options.user, '--password-stdin']
  return [LOAD, command, '--server', options.server ?? GATEWAY.ipv4, ...user, ...(options.args ?? []), ...words]
}

/** Runs a command of the generator in a client's namespace; its JSON line. A command that fails says so in `ok`. */
export async function load<T>(host: Host, command: string, options: LoadOptions, words: readonly string[] = []): Promise<T> {
  await buildLoad()
  const result = await host.run(loadArgv(command, options, words), { input: `${options.password ?? ''}\n`, limitMs: options.limitMs ?? 60_000 })
  const line = result.stdout.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`postern-load ${command}: ${result.signal ?? result.code}\n${result.stdout}${result.stderr}`)
  return JSON.parse(line) as T
}

/** One session that does `steps` in order (README.md). */
export const loadSteps = (host: Host, options: LoadOptions, steps: readonly string[]): Promise<LoadSteps> => load(host, 'steps', options, steps)
