import { must } from './command.ts'
import { Host, type Lab } from './lab.ts'
import { removeNamespace } from './sweep.ts'

/**
 * A phone behind a home router: the lab's first client becomes the router, which masquerades the phone and forgets a UDP
 * path after `udpTimeoutSec` without a packet either way. What comes for a path it has forgotten is dropped, as routers do.
 * Lasts until the end of the test.
 *
 *   phone eth0 .2 ── 10.99.0.0/24 ── .1 phone0  router (client 0)  eth0 ── gateway
 */
export async function phoneBehindRouter(lab: Lab, udpTimeoutSec: number): Promise<Host> {
  const router = lab.client
  const phone = new Host(`${router.namespace}-phone`, '10.99.0.2', '')
  lab.onReset(async () => {
    removeNamespace(phone.namespace)
    await router.run(['ip', 'link', 'delete', 'phone0']) // else it goes when the kernel finds the time
    await router.batch('nft', 'flush ruleset\n')
    await router.must(['sysctl', '-qw', 'net.ipv4.ip_forward=0'])
  })
  await must(['ip', 'netns', 'add', phone.namespace])
  await phone.must(['sysctl', '-qw', 'net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.default.router_solicitations=0'])
  await router.batch('ip', `
link add phone0 type veth peer name eth0 netns ${phone.namespace}
link set phone0 up
address add 10.99.0.1/24 dev phone0
`)
  await phone.batch('ip', `
link set lo up
link set eth0 up
address add ${phone.ipv4}/24 dev eth0
route add ${lab.gateway.ipv4} via 10.99.0.1
`)
  await router.batch('nft', `table ip router {
 chain input { type filter hook input priority 0; ct state established accept; iifname eth0 meta l4proto udp drop; }
 chain postrouting { type nat hook postrouting priority 100; ip saddr 10.99.0.0/24 masquerade; }
}
`)
  const timeout = String(udpTimeoutSec)
  await router.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1', `net.netfilter.nf_conntrack_udp_timeout=${timeout}`, `net.netfilter.nf_conntrack_udp_timeout_stream=${timeout}`])
  return phone
}
