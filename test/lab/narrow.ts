import { must } from './command.ts'
import { Host, type Lab } from './lab.ts'
import { prefix, removeNamespace } from './sweep.ts'

/**
 * A router between the gateway and client N of the lab, whose way to the client can be made narrow. The client reaches the
 * gateway over it by the addresses in `server`; nothing else of the lab changes.
 *
 *   client N  eth1 ── c  router  g ── rN  gateway
 *   .10 ::10   10.79.N.0/24       10.78.N.0/24   .1 ::1
 *              fd79:N::/64        fd78:N::/64
 */
export class NarrowRouter {
  readonly server: { readonly 4: string; readonly 6: string }

  private constructor(private readonly lab: Lab, private readonly router: Host, private readonly index: number) {
    this.server = { 4: `10.78.${index}.1`, 6: `[fd78:${index}::1]` }
  }

  static async insert(lab: Lab, index = 0): Promise<NarrowRouter> {
    const client = lab.clients[index]
    if (!client) throw new Error(`the lab has no client ${index}`)
    const router = new Host(`${prefix(process.pid)}narrow${index}`, `10.79.${index}.1`, `fd79:${index}::1`)
    removeNamespace(router.namespace)
    await must(['ip', 'netns', 'add', router.namespace])
    lab.onReset(async () => {
      removeNamespace(router.namespace)
      await Promise.all([lab.gateway.run(['ip', 'link', 'del', `r${index}`]), client.run(['ip', 'link', 'del', 'eth1'])])
    })
    await router.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.icmp.ratelimit=0', 'net.ipv4.icmp_ratelimit=0'])
    await router.batch('ip', `
link set lo up
link add g type veth peer name r${index} netns ${lab.gateway.namespace}
link add c type veth peer name eth1 netns ${client.namespace}
link set g up
link set c up
address add 10.78.${index}.2/24 dev g
address add fd78:${index}::2/64 dev g nodad
address add 10.79.${index}.1/24 dev c
address add fd79:${index}::1/64 dev c nodad
`)
    await lab.gateway.batch('ip', `
link set r${index} up
address add 10.78.${index}.1/24 dev r${index}
address add fd78:${index}::1/64 dev r${index} nodad
route add 10.79.${index}.0/24 via 10.78.${index}.2
route add fd79:${index}::/64 via fd78:${index}::2
`)
    await client.batch('ip', `
link set eth1 up
address add 10.79.${index}.10/24 dev eth1
address add fd79:${index}::10/64 dev eth1 nodad
route add 10.78.${index}.0/24 via 10.79.${index}.1
route add fd78:${index}::/64 via fd79:${index}::1
`)
    return new NarrowRouter(lab, router, index)
  }

  /** From now on IP packets towards the client have at most so many bytes, and the router says so; `silent`: it does not. */
  async narrow(mtu: number, { silent }: { readonly silent: boolean }): Promise<void> {
    if (silent) {
      await this.router.batch('nft', 'table inet silent {\n chain output { type filter hook output priority 0; icmp type destination-unreachable drop; icmpv6 type packet-too-big drop; }\n}')
    }
    await this.route(`mtu ${mtu}`)
  }

  /** As at first, and the gateway's kernel has forgotten what it was told. */
  async widen(): Promise<void> {
    await this.route('')
    await this.lab.gateway.batch('ip', 'route flush cache\n')
    await this.lab.gateway.must(['ip', '-6', 'route', 'flush', 'cache'])
  }

  private async route(metric: string): Promise<void> {
    await this.router.batch('ip', `
route replace 10.79.${this.index}.10/32 dev c ${metric}
route replace fd79:${this.index}::10/128 dev c ${metric}
`)
  }
}
