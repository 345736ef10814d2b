import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from './certificate.ts'
import { must, Service } from './command.ts'
import type { Lab } from './lab.ts'

export interface OcservOptions {
  readonly certificate: Certificate
  readonly users: Readonly<Record<string, string>>
  readonly dtls?: boolean | undefined
  /** MTU of the tunnel device, bytes. */
  readonly mtu?: number | undefined
  /** Hashes by md5-crypt, which cost next to nothing, instead of ocpasswd's own. */
  readonly cheapHashes?: boolean | undefined
  /** Further lines of its configuration. */
  readonly extra?: string | undefined
}

/** Debian's ocserv in the lab's gateway: the rival of the bench, and the proof that the lab itself works. */
export class Ocserv {
  private constructor(readonly service: Service, readonly folder: string) {}

  get pid(): number {
    return this.service.pid
  }

  static async start(lab: Lab, options: OcservOptions): Promise<Ocserv> {
    const folder = mkdtempSync(join(lab.folder, 'ocserv-'))
    const passwords = join(folder, 'passwd')
    for (const [user, password] of Object.entries(options.users)) {
      if (options.cheapHashes) {
        const hash = await must(['openssl', 'passwd', '-1', '-stdin'], { input: `${password}\n` })
        appendFileSync(passwords, `${user}:*:${hash.trim()}\n`)
      } else await must(['ocpasswd', '-c', passwords, user], { input: `${password}\n${password}\n` })
    }
    const file = join(folder, 'ocserv.conf')
    writeFileSync(file, `
auth = "plain[passwd=${passwords}]"
tcp-port = 443
${options.dtls ? 'udp-port = 443' : ''}
run-as-user = root
run-as-group = root
socket-file = ${join(folder, 'socket')}
server-cert = ${options.certificate.certificate}
server-key = ${options.certificate.key}
isolate-workers = false
max-clients = 0
max-same-clients = 0
rate-limit-ms = 0
keepalive = 32400
dpd = 90
mobile-dpd = 1800
try-mtu-discovery = false
tls-priorities = "NORMAL:%SERVER_PRECEDENCE:-VERS-TLS1.0:-VERS-TLS1.1"
auth-timeout = 240
max-ban-score = 0
cookie-timeout = 300
deny-roaming = false
rekey-time = 172800
use-occtl = false
device = vpns
predictable-ips = true
ipv4-network = 10.66.0.0
ipv4-netmask = 255.255.0.0
ipv6-network = fd66::/64
ipv6-subnet-prefix = 128
ping-leases = false
cisco-client-compat = true
dtls-legacy = true
${options.mtu === undefined ? '' : `mtu = ${options.mtu}`}
${options.extra ?? ''}
`)
    const service = new Service(['ocserv', '-f', '-d', '1', '-c', file, '-p', join(folder, 'pid')], { namespace: lab.gateway.namespace })
    const ocserv = new Ocserv(service, folder)
    lab.onReset(() => ocserv.stop())
    await service.until('initialised', () => /initialized/.test(service.output))
    return ocserv
  }

  async stop(): Promise<void> {
    await this.service.stop('SIGTERM')
  }
}
