import { Service } from './command.ts'
import type { Host, Lab } from './lab.ts'

/** A real DNS server on an address of its own of a host; it answers what it was told and knows nobody to ask. */
export class Dnsmasq {
  private constructor(readonly address: string, private readonly service: Service) {}

  /** `records`: names with their IPv4 addresses, kept for five minutes. */
  static async start(lab: Lab, host: Host, address: string, records: Readonly<Record<string, string>>): Promise<Dnsmasq> {
    await host.must(['ip', 'address', 'replace', `${address}/32`, 'dev', 'eth0'])
    const service = new Service([
      'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--no-negcache', '--user=root', '--pid-file', '--log-queries', '--log-facility=-',
      '--bind-interfaces', `--listen-address=${address}`, '--local-ttl=300', '--auth-ttl=300', '--local=/#/',
      ...Object.entries(records).map(([name, ipv4]) => `--host-record=${name},${ipv4}`),
    ], { namespace: host.namespace })
    lab.onReset(() => service.stop('SIGKILL'))
    await service.until('started', () => /started, version/.test(service.output))
    return new Dnsmasq(address, service)
  }

  /** How often it was asked for a name. */
  asked(name: string): number {
    return this.service.output.split('\n').filter((line) => new RegExp(`query\\[[A-Z]+\\] ${name.replaceAll('.', '\\.')} from`, 'i').test(line)).length
  }

  async stop(): Promise<void> {
    await this.service.stop('SIGKILL')
  }
}
