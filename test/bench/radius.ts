import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Service } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN, Lab, type Host } from '../lab/lab.ts'
import { cpuSeconds } from './cpu.ts'
import { line, type Line } from './line.ts'
import { addSources } from './sources.ts'
import { spread } from './statistics.ts'

export interface RadiusBenchOptions {
  readonly rounds: number
  readonly say: (text: string) => void
}

const ROOT = resolve(import.meta.dirname, '../..')
const SECRET = 'bench-radius-secret'
const PASSWORD = 'bench-password'
const UNDER_WAY = 500
/** As long as somebody takes who confirms on a telephone; with so many logins a second 500 are under way. */
const PATIENCE_MS = 5000
const RATE = (1000 * UNDER_WAY) / PATIENCE_MS
/** Logins of a round that count, behind those that fill the server. */
const COUNTED = 800
/** Of the client by itself: 2,000 requests a second. */
const QUICK_MS = 250
const REQUESTS = 6000

interface Held {
  readonly held: Readonly<Record<string, number>>
  readonly most: number
}
type Took = Readonly<Record<string, number>>

/** What the gateway adds to the RADIUS server's own time while 500 authentications are under way: whole logins over TLS, and its client by itself. */
export async function benchRadius({ rounds, say }: RadiusBenchOptions): Promise<Line[]> {
  const lab = await Lab.open({ clients: 1 })
  const figures = { p50: [] as number[], p99: [] as number[], cpuMs: [] as number[], clientP99: [] as number[], clientCpuUs: [] as number[] }
  try {
    const secret = join(lab.folder, 'radius.secret')
    writeFileSync(secret, `${SECRET}\n`, { mode: 0o600 })
    const gateway = await Gateway.start(lab, { config: {
      firewall: { masquerade: false }, group: { staff: { auth: [['radius']] } },
      'auth-radius': { timeout: '30s', accounting: false, server: [{ address: LAN.ipv4, 'secret-file': secret }] },
    } })
    const sources = (await addSources({ lab }, 40)).join(',')
    const logins = async (count: number): Promise<{ readonly took: Took; readonly server: Held }> => {
      const server = await serve(lab, PATIENCE_MS)
      const { took, failures } = await peer<{ took: Took; failures: object }>(lab.client, 'radius-logins.ts', [GATEWAY.ipv4, `${count}`, `${RATE}`, PASSWORD, sources])
      if (Object.keys(took).length < count) throw new Error(`${count - Object.keys(took).length} of ${count} logins failed: ${JSON.stringify(failures)}`)
      return { took, server: await server.end() }
    }
    await logins(UNDER_WAY)
    for (let round = 0; round < rounds; round++) {
      const before = cpuSeconds(gateway.pid)
      const { took, server } = await logins(UNDER_WAY + COUNTED)
      figures.cpuMs.push((1000 * (cpuSeconds(gateway.pid) - before)) / (UNDER_WAY + COUNTED))
      const above = beyond(Object.fromEntries(Object.entries(took).slice(-COUNTED)), server)
      figures.p50.push(above(0.5))
      figures.p99.push(above(0.99))

      const second = await serve(lab, QUICK_MS)
      const alone = await peer<{ took: Took; failed: number; cpuUs: number }>(lab.gateway, 'radius-requests.ts', [LAN.ipv4, '1812', SECRET, `${REQUESTS}`, `${(1000 * UNDER_WAY) / QUICK_MS}`])
      const quick = await second.end()
      if (alone.failed > 0) throw new Error(`${alone.failed} requests were not answered`)
      const aboveQuick = beyond(alone.took, quick)
      figures.clientP99.push(aboveQuick(0.99))
      figures.clientCpuUs.push(alone.cpuUs)
      say(`  round ${round + 1} ${server.most} under way: ${above(0.5).toFixed(1)} ms above the server's time (p99 ${above(0.99).toFixed(1)}), ${figures.cpuMs.at(-1)?.toFixed(2)} CPU-ms a login; client alone with ${quick.most} p99 ${aboveQuick(0.99).toFixed(1)} ms, ${alone.cpuUs.toFixed(0)} CPU-us each`)
    }
  } finally {
    await lab.close()
  }
  return [
    line(`a RADIUS login above the server's own time, ${UNDER_WAY} under way`, 'ms', 'less', { postern: spread(figures.p50) }),
    line('  the slowest of a hundred', 'ms', 'less', { postern: spread(figures.p99) }, { must: 50, of: 'figure' }),
    line('  CPU of the gateway', 'ms', 'less', { postern: spread(figures.cpuMs) }),
    line(`RADIUS client alone, ${(1000 * UNDER_WAY) / QUICK_MS} requests a second, the slowest of a hundred`, 'ms', 'less', { postern: spread(figures.clientP99) }, { must: 50, of: 'figure' }),
    line('  CPU', 'us', 'less', { postern: spread(figures.clientCpuUs) }),
  ]
}

async function serve(lab: Lab, holdMs: number): Promise<{ end(): Promise<Held> }> {
  const service = new Service([process.execPath, '--import', 'tsx', resolve(import.meta.dirname, 'peers/radius-server.ts'), '1812', SECRET, `${holdMs}`], { namespace: lab.lan.namespace, cwd: ROOT })
  lab.onReset(() => service.stop('SIGKILL'))
  await service.until('the RADIUS server', () => service.stdout.includes('ready'))
  return {
    end: async () => {
      const { stdout, stderr } = await service.stop()
      const last = stdout.trim().split('\n').at(-1) ?? ''
      if (!last.startsWith('{')) throw new Error(`the RADIUS server ended without a result\n${stderr}`)
      return JSON.parse(last) as Held
    },
  }
}

async function peer<T>(host: Host, file: string, args: readonly string[]): Promise<T> {
  const text = await host.must([process.execPath, '--import', 'tsx', resolve(import.meta.dirname, 'peers', file), ...args], { limitMs: 120_000, cwd: ROOT })
  return JSON.parse(text) as T
}

/** Quantiles of what each took beyond the time that the server had its request. */
function beyond(took: Took, { held }: Held): (part: number) => number {
  const sorted = Object.entries(took).map(([user, ms]) => ms - (held[user] ?? Number.NaN)).sort((a, b) => a - b)
  return (part) => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN
}
