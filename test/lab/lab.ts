/**
 * A network of namespaces for one test file. Nothing of it touches the machine's own network.
 *
 *                10.77.0.0/24  fd77::/64             10.88.0.0/24  fd88::/64
 *   client 0  eth0 ─────────── c0 ┐
 *     .10 ::10                    │  gateway  lan0 ─────────────── eth0  lan
 *   client 1  eth0 ─────────── c1 ┤   .1 ::1  .1 ::1               .2 ::2
 *     .11 ::11                    │
 *   client N  eth0 ─────────── cN ┘
 *
 * Every client has a cable of its own; the gateway carries its outside address on each of them and one host route per
 * client, which costs no bridge. The lan knows the way back (default route over the gateway), so that a test works with
 * and without masquerading; clients know only their own cable. Names carry the pid of their owner (`sweep.ts`).
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must, run, until, type CommandOptions, type CommandResult } from './command.ts'
import { killProcesses, prefix, processesIn, removeNamespace, sweep } from './sweep.ts'

export const GATEWAY = { ipv4: '10.77.0.1', ipv6: 'fd77::1' } as const
export const LAN = { ipv4: '10.88.0.2', ipv6: 'fd88::2' } as const

export class Host {
  constructor(readonly namespace: string, readonly ipv4: string, readonly ipv6: string) {}

  run(argv: readonly string[], options: Omit<CommandOptions, 'namespace'> = {}): Promise<CommandResult> {
    return run(argv, { ...options, namespace: this.namespace })
  }

  must(argv: readonly string[], options: Omit<CommandOptions, 'namespace'> = {}): Promise<string> {
    return must(argv, { ...options, namespace: this.namespace })
  }

  /** An `nft` or `ip` script, one command a line. */
  async batch(tool: 'ip' | 'nft', script: string): Promise<void> {
    const file = tool === 'ip' ? ['ip', '-batch', '-'] : ['nft', '-f', '-']
    await this.must(file, { input: script })
  }
}

let count = 0

export class Lab {
  #closers: (() => Promise<unknown> | void)[] = []
  #closed = false
  private constructor(
    readonly folder: string,
    readonly clients: readonly Host[],
    readonly gateway: Host,
    readonly lan: Host,
  ) {}

  get client(): Host {
    const [first] = this.clients
    if (!first) throw new Error('the lab has no client')
    return first
  }

  static async open(options: { readonly clients?: number } = {}): Promise<Lab> {
    sweep()
    const number = count++
    if (number === 0) guard()
    const name = (part: string): string => `${prefix(process.pid)}${number}-${part}`
    const folder = mkdtempSync(join(tmpdir(), name('')))
    const gateway = new Host(name('gw'), GATEWAY.ipv4, GATEWAY.ipv6)
    const lan = new Host(name('lan'), LAN.ipv4, LAN.ipv6)
    const clients = Array.from(
      { length: options.clients ?? 1 },
      (_, index) => new Host(name(`c${index}`), `10.77.0.${10 + index}`, `fd77::${10 + index}`),
    )
    const lab = new Lab(folder, clients, gateway, lan)
    for (const host of [gateway, lan, ...clients]) {
      await must(['ip', 'netns', 'add', host.namespace])
      // Labs come and go with their namespaces: no waiting for duplicate address detection, no router solicitations.
      await host.must(['sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.default.router_solicitations=0'])
      await host.must(['ip', 'link', 'set', 'lo', 'up'])
    }
    await gateway.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'])
    await gateway.batch('ip', `
link add lan0 type veth peer name eth0 netns ${lan.namespace}
link set lan0 up
address add 10.88.0.1/24 dev lan0
address add fd88::1/64 dev lan0 nodad
`)
    await lan.batch('ip', `
link set eth0 up
address add ${lan.ipv4}/24 dev eth0
address add ${lan.ipv6}/64 dev eth0 nodad
route add default via 10.88.0.1
route add default via fd88::1
`)
    for (const [index, client] of clients.entries()) {
      await gateway.batch('ip', `
link add c${index} type veth peer name eth0 netns ${client.namespace}
link set c${index} up
address add ${gateway.ipv4} peer ${client.ipv4} dev c${index}
address add ${gateway.ipv6} peer ${client.ipv6} dev c${index} nodad
`)
      await client.batch('ip', `
link set eth0 up
address add ${client.ipv4}/24 dev eth0
address add ${client.ipv6}/64 dev eth0 nodad
`)
    }
    return lab
  }

  get hosts(): readonly Host[] {
    return [...this.clients, this.lan, this.gateway]
  }

  /** Runs at the next `reset` or `close`, last added first. */
  /** Secrets that were found in places where they must not be; the test behind which that is fails. */
  readonly leaks: string[] = []

  onReset(closer: () => Promise<unknown> | void): void {
    this.#closers.push(closer)
  }

  /** Ends everything that runs in the lab, so that the next test finds it as it was. Addresses and cables stay. */
  async reset(): Promise<void> {
    const closers = this.#closers.reverse()
    this.#closers = []
    for (const closer of closers) await closer()
    for (const { namespace } of this.hosts) {
      killProcesses(namespace)
      await until(`the processes of ${namespace} to end`, () => processesIn(namespace).length === 0)
    }
    // What a killed gateway could not remove itself.
    await this.gateway.batch('nft', 'flush ruleset\n')
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.reset()
    } finally {
      for (const host of this.hosts) removeNamespace(host.namespace)
    }
  }
}

/** Whatever way this process ends, except SIGKILL, its namespaces and folders go with it. */
function guard(): void {
  process.on('exit', () => sweep(process.pid))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(128 + { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 }[signal]))
  }
}
