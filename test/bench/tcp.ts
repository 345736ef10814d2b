import { OpenConnect } from '../lab/openconnect.ts'
import { iperf, ping, serveIperf } from '../lab/traffic.ts'
import { LAN } from '../lab/lab.ts'
import { cpuSeconds, machine } from './cpu.ts'
import { line, type Line, type Target } from './line.ts'
import { interleave, openRig, type Rig, type Side } from './rig.ts'
import { Samples } from './samples.ts'

export type Channel = 'tls' | 'dtls'
export interface TcpBenchOptions {
  readonly rounds: number
  /** Length of one iperf3 run. */
  readonly seconds: number
  readonly say: (text: string) => void
}

export const PASSWORD = 'bench-password'
/** Link MTU that makes ocserv arrive at the tunnel MTU of 1334: CSTP alone, and with DTLS's longer records. */
const MTU: Readonly<Record<Channel, { readonly tunnel: number; readonly ocserv: number }>> = {
  tls: { tunnel: 1334, ocserv: 1362 },
  dtls: { tunnel: 1334, ocserv: 1400 },
}
export const WAYS = ['up', 'down'] as const
export type Way = (typeof WAYS)[number]
type Figure = Way | 'upRate' | 'downRate' | 'rtt'

const TARGETS: Readonly<Record<Channel, Partial<Readonly<Record<Figure, Target>>>>> = {
  tls: { up: { must: 2.5, hard: 3.2 }, down: { must: 2, hard: 2.8 } },
  dtls: {
    up: { must: 2.5, hard: 3.1 }, down: { must: 1.9, hard: 2.3 }, upRate: { must: 1.7, hard: 2 }, downRate: { must: 1.1, hard: 1.35 },
    // At most 1.3 times ocserv's.
    rtt: { must: 0.77, hard: 1 },
  },
}

/** CPU seconds of all server processes for a gigabyte in one TCP stream, Mbit/s and idle round trip; openconnect on both sides. */
export async function benchTcp(channel: Channel, options: TcpBenchOptions): Promise<Line[]> {
  const rig = await openTunnels(channel, options.say)
  const samples = new Samples<Figure>()
  try {
    const before = machine()
    await interleave(rig, options.rounds, async (side, round) => {
      const { rttMs } = await ping(side.lab.client, LAN.ipv4, { count: 40, intervalSec: 0.02 })
      samples.add(side.name, 'rtt', rttMs?.avg ?? Number.NaN)
      for (const way of WAYS) {
        const { perGigabyte, rate, cores } = await measureTcp(side, way, options.seconds)
        samples.add(side.name, way, perGigabyte)
        samples.add(side.name, `${way}Rate`, rate)
        options.say(`  round ${round + 1} ${side.name.padEnd(7)} ${way.padEnd(4)} ${perGigabyte.toFixed(2)} CPU-s/GB, ${rate.toFixed(0)} Mbit/s, ${cores.toFixed(2)} cores`)
      }
    })
    const after = machine()
    options.say(`  machine busy ${Math.round((100 * (after.busy - before.busy)) / (after.total - before.total))} %`)
  } finally {
    await rig.close()
  }
  const add = (name: string, unit: string, better: 'less' | 'more', figure: Figure): Line =>
    line(`${channel} ${name}`, unit, better, samples.both(figure), TARGETS[channel][figure])
  return [
    add('up', 'CPU-s/GB', 'less', 'up'),
    add('down', 'CPU-s/GB', 'less', 'down'),
    add('up rate', 'Mbit/s', 'more', 'upRate'),
    add('down rate', 'Mbit/s', 'more', 'downRate'),
    add('idle RTT', 'ms', 'less', 'rtt'),
  ]
}

/** Both servers with one openconnect each, of which is proven that they speak over `channel` with equal tunnel MTUs. */
export async function openTunnels(channel: Channel, say: (text: string) => void): Promise<Rig> {
  const rig = await openRig({ users: { bench: PASSWORD }, mtu: MTU[channel], dtls: channel === 'dtls' })
  try {
    const mtus: number[] = []
    for (const side of rig.sides) {
      await serveIperf(side.lab)
      const { client, mtu } = await connectOpenConnect(side, channel)
      mtus.push(mtu)
      side.lab.onReset(() => client.stop())
    }
    if (mtus[0] !== mtus[1]) throw new Error(`the tunnels differ in MTU: postern ${mtus[0]}, ocserv ${mtus[1]}`)
    say(`  tunnel MTU ${mtus[0]}`)
    return rig
  } catch (error) {
    await rig.close()
    throw error
  }
}

export async function connectOpenConnect(side: Side, channel: Channel): Promise<{ readonly client: OpenConnect; readonly mtu: number }> {
  const args = channel === 'tls' ? ['--no-dtls'] : ['--verbose']
  const client = await OpenConnect.connect(side.lab.client, side.lab.folder, { pin: side.pin, user: 'bench', answers: [PASSWORD], args })
  const mtu = Number((await client.connected()).INTERNAL_IP4_MTU)
  if (channel === 'dtls') await client.said(/Established DTLS connection/)
  return { client, mtu }
}

export async function measureTcp(side: Side, way: Way, seconds: number): Promise<{ readonly perGigabyte: number; readonly rate: number; readonly cores: number }> {
  const before = cpuSeconds(side.pid)
  const { bytes, seconds: took } = await iperf(side.lab.client, way, seconds)
  const used = cpuSeconds(side.pid) - before
  return { perGigabyte: used / (bytes / 1e9), rate: (bytes * 8) / took / 1e6, cores: used / took }
}
