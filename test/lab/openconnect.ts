import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Service, until, type CommandResult } from './command.ts'
import { GATEWAY, type Host } from './lab.ts'

export interface OpenConnectOptions {
  /** Default Debian's, which is built with GnuTLS. */
  readonly program?: string | undefined
  /** Host part and path: `10.77.0.1/staff`, `[fd77::1]`. Default the gateway's IPv4 address. */
  readonly server?: string | undefined
  readonly pin: string
  readonly user?: string | undefined
  /** Lines typed at the prompts, in order: passwords, group choices. */
  readonly answers?: readonly string[] | undefined
  /** More is typed later, with `type`. */
  readonly interactive?: boolean | undefined
  /** Further arguments: `--authgroup Staff`, `--no-dtls`. */
  readonly args?: readonly string[] | undefined
}

const SCRIPT = resolve(import.meta.dirname, 'vpnc-script.sh')

/** Debian's openconnect inside a client's namespace, with its tunnel device `tun0` there. */
export class OpenConnect {
  readonly service: Service
  readonly folder: string
  private constructor(readonly host: Host, options: OpenConnectOptions, folder: string) {
    this.folder = mkdtempSync(join(folder, 'oc-'))
    const user = options.user === undefined ? [] : ['--user', options.user]
    this.service = new Service(
      [
        options.program ?? 'openconnect', '--protocol=anyconnect', '--servercert', options.pin, '--interface', 'tun0', '--script', SCRIPT,
        ...user, ...(options.args ?? []), `https://${options.server ?? GATEWAY.ipv4}`,
      ],
      { namespace: host.namespace, env: { LAB_FOLDER: this.folder } },
    )
    for (const line of options.answers ?? []) this.type(line)
    if (options.interactive !== true) this.service.child.stdin?.end()
  }

  /** One line at the prompt. */
  type(line: string): void {
    this.service.child.stdin?.write(`${line}\n`)
  }

  /** Starts the client; does not wait for anything. `folder` is the lab's. */
  static start(host: Host, folder: string, options: OpenConnectOptions): OpenConnect {
    return new OpenConnect(host, options, folder)
  }

  /** Starts it and waits for the configured tunnel. */
  static async connect(host: Host, folder: string, options: OpenConnectOptions): Promise<OpenConnect> {
    const client = OpenConnect.start(host, folder, options)
    await client.connected()
    return client
  }

  get output(): string {
    return this.service.output
  }

  /** Returns the environment the client gave to its script: addresses, routes, DNS, MTU, banner. */
  async connected(limitMs = 20_000): Promise<Readonly<Record<string, string>>> {
    return this.service.until('the tunnel', () => this.told('connect'), limitMs)
  }

  /** The script's environment at `connect`, `reconnect`, `disconnect`; undefined before that happened. */
  told(reason: string): Readonly<Record<string, string>> | undefined {
    const file = join(this.folder, `${reason}.env`)
    if (!existsSync(file)) return undefined
    const pairs = readFileSync(file, 'utf8').split('\0').filter((pair) => pair.includes('='))
    return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
  }

  /** Waits for the next run of the script for `reason`, such as `reconnect`. Call `forget` before what causes it. */
  async happened(reason: string, limitMs = 20_000): Promise<Readonly<Record<string, string>>> {
    return this.service.until(reason, () => this.told(reason), limitMs)
  }

  forget(reason: string): void {
    rmSync(join(this.folder, `${reason}.env`), { force: true })
  }

  /** Waits until the client said something. */
  async said(pattern: RegExp, limitMs = 20_000): Promise<RegExpExecArray> {
    return until(`openconnect to say ${pattern}`, () => pattern.exec(this.output) ?? undefined, limitMs, () => this.output)
  }

  /** SIGINT: logout (BYE `b0`); SIGHUP: ends but keeps the session; SIGKILL: a crash; SIGUSR2: reconnect now. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<CommandResult> {
    return this.service.stop(signal)
  }

  /** Waits for the client to end by itself. */
  async ended(limitMs = 20_000): Promise<CommandResult> {
    return this.service.until('its end', () => this.service.result, limitMs)
  }
}
