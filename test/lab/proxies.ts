import { mkdtempSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Service } from './command.ts'
import type { Host, Lab } from './lab.ts'

export interface Passed {
  /** Where it listens, as haproxy writes it: `10.77.0.1:443`, `:::8443 v4v6`. */
  readonly bind: readonly string[]
  /** `127.0.0.1:4443`, `[::1]:4443`. */
  readonly to: string
  readonly version: 1 | 2
}

/** Debian's haproxy in front of a gateway, on the gateway's own host; says itself whom it passes on. */
export async function startHaproxy(lab: Lab, passes: readonly Passed[]): Promise<Service> {
  const file = join(mkdtempSync(join(lab.folder, 'haproxy-')), 'haproxy.cfg')
  const sections = passes.map(({ bind, to, version }, index) =>
    [`listen pass${index}`, ...bind.map((one) => `bind ${one}`), `server gateway ${to} send-proxy${version === 2 ? '-v2' : ''}`].join('\n  '))
  writeFileSync(file, `global\n  maxconn 500\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n${sections.join('\n')}\n`)
  const service = new Service(['haproxy', '-db', '-f', file], { namespace: lab.gateway.namespace })
  lab.onReset(() => service.stop())
  const [port = ''] = /\d+(?= |$)/.exec(passes.at(-1)?.bind.at(-1) ?? '') ?? []
  await service.until('haproxy to listen', async () => (await lab.gateway.run(['ss', '-Hltn', `sport = :${port}`])).stdout.includes(':'))
  return service
}

/** A proxy that clients ask with CONNECT. */
export async function startConnectProxy(lab: Lab, host: Host, address: string, port: number): Promise<Service> {
  const service = new Service([process.execPath, resolve(import.meta.dirname, 'peers/connect-proxy.mjs'), address, String(port)], { namespace: host.namespace })
  lab.onReset(() => service.stop())
  await service.until('listening', () => service.stdout.includes('listening'))
  return service
}
