import { Service } from '../../lab/command.ts'
import { LAN, type Host, type Lab } from '../../lab/lab.ts'
import { buildLoad, LOAD, loadArgv, type LoadOptions } from './load.ts'

/** The far end of flows, in the lan. */
export async function serveSink(lab: Lab, options: { readonly host?: Host; readonly args?: readonly string[] } = {}): Promise<Service> {
  await buildLoad()
  const service = new Service([LOAD, 'sink', ...(options.args ?? [])], { namespace: (options.host ?? lab.lan).namespace })
  lab.onReset(() => service.stop())
  await service.until('listening', () => service.stdout.includes('"listening"'))
  return service
}

/** A generator command that goes on until it is stopped; its last JSON line comes then. */
export class Peer {
  private constructor(readonly service: Service) {}

  static async start(lab: Lab, host: Host, command: string, options: LoadOptions, words: readonly string[] = []): Promise<Peer> {
    await buildLoad()
    const service = new Service(loadArgv(command, options, words), { namespace: host.namespace })
    service.child.stdin?.end(`${options.password ?? ''}\n`)
    lab.onReset(() => service.stop())
    return new Peer(service)
  }

  /** The line that says everything is open. */
  async ready<T>(limitMs = 30_000): Promise<T> {
    return this.service.until('it is ready', () => {
      const line = this.service.stdout.split('\n')[0] ?? ''
      return line.includes('"ready":true') && this.service.stdout.includes('\n') ? (JSON.parse(line) as T) : undefined
    }, limitMs)
  }

  async stop<T>(): Promise<T> {
    const { stdout, stderr } = await this.service.stop('SIGTERM', 60_000)
    const line = stdout.trim().split('\n').at(-1) ?? ''
    if (!line.startsWith('{')) throw new Error(`postern-load ended without a result\n${stdout}${stderr}`)
    return JSON.parse(line) as T
  }
}

/** A peer with a TUN device of its own and all offloads: the kernel's TCP through a client that costs little. */
export async function startTunPeer(lab: Lab, options: LoadOptions): Promise<{ readonly peer: Peer; readonly mtu: number }> {
  const peer = await Peer.start(lab, lab.client, 'tun', { ...options, args: ['--device', 'tun1', ...(options.args ?? [])] })
  const { ipv4, mtu } = await peer.ready<{ ipv4: string; mtu: number }>()
  await lab.client.batch('ip', `
link set tun1 up mtu ${mtu}
address add ${ipv4}/32 dev tun1
route replace ${LAN.ipv4}/32 dev tun1
`)
  return { peer, mtu }
}
