import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stringify, type TomlTable } from 'smol-toml'
import { askGateway } from '../../plugins/cli/gateway-client.ts'
import type { Certificate } from './certificate.ts'
import { makeCertificate } from './certificate.ts'
import { must, run, Service, type CommandResult } from './command.ts'
import type { Lab } from './lab.ts'
import { folderText, leaks, processTexts } from './leaks.ts'
import { processesIn } from './sweep.ts'

const POSTERN = process.env.POSTERN ?? resolve(import.meta.dirname, '../../dist/postern')

export interface GatewayOptions {
  /** Absent: one ECDSA certificate is made. */
  readonly certificates?: readonly Certificate[] | undefined
  /** Password by name; a user in groups: `{ password, groups }`. */
  readonly users?: Readonly<Record<string, string | { readonly password: string; readonly groups: readonly string[] }>> | undefined
  /** Merged into the lab's configuration, section by section, key by key. */
  readonly config?: TomlTable | undefined
}

/** Shape of `session list --json` (reference configuration section 2). */
export interface ListedSession {
  readonly id: string
  readonly user: string
  readonly group: string
  readonly state: 'tls' | 'dtls' | 'waiting'
  readonly ipv4: string | null
  readonly ipv6: string | null
  readonly peer: string
  readonly agent: string
  readonly tls: { readonly version: string; readonly cipher: string } | null
  readonly dtls: { readonly version: string; readonly cipher: string } | null
  readonly createdAt: string
  readonly connectedAt: string | null
  readonly rxBytes: number
  readonly txBytes: number
  readonly idleSince: string | null
}

const isTable = (value: unknown): value is TomlTable => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

function merge(base: TomlTable, over: TomlTable): TomlTable {
  const result: TomlTable = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const old = result[key]
    result[key] = isTable(old) && isTable(value) ? merge(old, value) : value
  }
  return result
}

/** A Postern in the lab's gateway namespace, with configuration and state in a folder of its own. */
export class Gateway {
  /** The process of the last `start`. */
  service: Service | undefined
  /** Log of all runs so far. */
  #earlier = ''
  /** Passwords of its users, which must not stand anywhere. */
  readonly #passwords = new Set<string>()
  private constructor(
    readonly lab: Lab,
    readonly folder: string,
    readonly certificates: readonly Certificate[],
  ) {}

  /** Configuration, users and state, not started. */
  static async prepare(lab: Lab, options: GatewayOptions = {}): Promise<Gateway> {
    const folder = mkdtempSync(join(lab.folder, 'gateway-'))
    mkdirSync(join(folder, 'data'), { mode: 0o700 })
    const certificates = options.certificates ?? [await makeCertificate(folder)]
    const gateway = new Gateway(lab, folder, certificates)
    gateway.configure(options.config ?? {})
    for (const [name, user] of Object.entries(options.users ?? {})) {
      const { password, groups } = typeof user === 'string' ? { password: user, groups: [] } : user
      await gateway.addUser(name, password, groups)
    }
    return gateway
  }

  static async start(lab: Lab, options: GatewayOptions = {}): Promise<Gateway> {
    const gateway = await Gateway.prepare(lab, options)
    await gateway.start()
    return gateway
  }

  /** Writes the configuration file: the lab's own values with `over` on top. */
  configure(over: TomlTable): void {
    const one = <T>(list: readonly T[]): T | readonly T[] => (list.length === 1 && list[0] !== undefined ? list[0] : list)
    const base: TomlTable = {
      gateway: {
        name: 'vpn.example.com',
        listen: ['0.0.0.0:443', '[::]:443'],
        certificate: one(this.certificates.map(({ certificate }) => certificate)) as string,
        key: one(this.certificates.map(({ key }) => key)) as string,
      },
      pool: { default: { ipv4: '10.66.0.0/16', ipv6: 'fd66::/64' } },
    }
    writeFileSync(this.configFile, stringify(merge(base, over)))
  }

  get configFile(): string {
    return join(this.folder, 'postern.toml')
  }

  get dataFolder(): string {
    return join(this.folder, 'data')
  }

  get pin(): string {
    const [first] = this.certificates
    if (!first) throw new Error('the gateway has no certificate')
    return first.pin
  }

  get pid(): number {
    if (!this.service) throw new Error('the gateway was not started')
    return this.service.pid
  }

  /** JSON log of all its runs. */
  get log(): string {
    return this.#earlier + (this.service?.output ?? '')
  }

  get argv(): readonly string[] {
    return [POSTERN, 'serve', '--config', this.configFile, '--data-dir', this.dataFolder]
  }

  /** Starts it and waits for `gateway ready`. */
  async start(): Promise<void> {
    this.#earlier = this.log
    const service = new Service(this.argv, { namespace: this.lab.gateway.namespace })
    this.service = service
    this.lab.onReset(() => {
      const processes = processesIn(this.lab.gateway.namespace)
      this.lab.leaks.push(...leaks(this.#passwords, { 'the log': service.output, 'the process list': processTexts(processes), 'the data directory': folderText(this.dataFolder) }))
      return service.stop('SIGKILL')
    })
    await service.until('gateway ready', () => /"msg":"gateway ready"/.test(service.output))
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<CommandResult> {
    if (!this.service) throw new Error('the gateway was not started')
    return this.service.stop(signal)
  }

  /** Runs `postern ARGS` on this gateway's configuration and state. */
  command(args: readonly string[], input?: string): Promise<CommandResult> {
    return run([POSTERN, '--config', this.configFile, '--data-dir', this.dataFolder, ...args], { namespace: this.lab.gateway.namespace, input })
  }

  async must(args: readonly string[], input?: string): Promise<string> {
    return must([POSTERN, '--config', this.configFile, '--data-dir', this.dataFolder, ...args], { namespace: this.lab.gateway.namespace, input })
  }

  async addUser(name: string, password: string, groups: readonly string[] = []): Promise<void> {
    this.#passwords.add(password)
    await this.must(['user', 'add', name, ...groups.flatMap((group) => ['--group', group]), '--password-stdin'], `${password}\n`)
  }

  async sessions(): Promise<readonly ListedSession[]> {
    return this.ask('session list')
  }

  /** The one session there is; an error when there are more or none. */
  async session(): Promise<ListedSession> {
    const [first, ...others] = await this.sessions()
    if (!first || others.length > 0) throw new Error(`expected one session, found ${first ? others.length + 1 : 0}`)
    return first
  }

  async status(): Promise<Readonly<Record<string, unknown>>> {
    return this.ask('status')
  }

  /** What `postern COMMAND --json` prints, without a process for each question: tests ask many times a second. */
  async ask<T>(command: string, args: Readonly<Record<string, string>> = {}): Promise<T> {
    const answer = await askGateway(join(this.dataFolder, 'admin.sock'), command, { args, options: {}, actor: 'lab' })
    return (answer ? answer.data : JSON.parse(await this.must([...command.split(' '), ...Object.values(args), '--json']))) as T
  }
}
