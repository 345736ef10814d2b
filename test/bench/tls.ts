import { OpenConnect } from '../lab/openconnect.ts'
import { iperf, ping, serveIperf } from '../lab/traffic.ts'
import { LAN } from '../lab/lab.ts'
import { cpuSeconds, machine } from './cpu.ts'
import { line, type Line } from './line.ts'
import { openRig, type Side, type SideName } from './rig.ts'
import { spread } from './statistics.ts'

export interface TlsBenchOptions {
  readonly rounds: number
  /** Length of one iperf3 run. */
  readonly seconds: number
  readonly say: (text: string) => void
}

const PASSWORD = 'bench-password'
const MTU = { tunnel: 1334, ocserv: 1362 } as const
const WAYS = ['up', 'down'] as const
type Figure = 'up' | 'down' | 'upRate' | 'downRate' | 'rtt'
type Samples = Record<SideName, Record<Figure, number[]>>
const empty = (): Samples[SideName] => ({ up: [], down: [], upRate: [], downRate: [], rtt: [] })

/** CPU seconds of all server processes for a gigabyte over the TLS channel, real openconnect on both sides. */
export async function benchTls(options: TlsBenchOptions): Promise<Line[]> {
  const rig = await openRig({ users: { bench: PASSWORD }, mtu: MTU })
  const samples: Samples = { postern: empty(), ocserv: empty() }
  try {
    const mtus = []
    for (const side of rig.sides) {
      await serveIperf(side.lab)
      const client = await OpenConnect.connect(side.lab.client, side.lab.folder, {
        pin: side.pin, user: 'bench', answers: [PASSWORD], args: ['--no-dtls'],
      })
      side.lab.onReset(() => client.stop())
      mtus.push(Number((await client.connected()).INTERNAL_IP4_MTU))
    }
    if (mtus[0] !== mtus[1]) throw new Error(`the tunnels differ in MTU: postern ${mtus[0]}, ocserv ${mtus[1]}`)
    const before = machine()
    for (let round = 0; round < options.rounds; round++) {
      // Whoever starts a round has a warmer or colder machine: take turns.
      const order = round % 2 === 0 ? rig.sides : [...rig.sides].reverse()
      for (const side of order) await measure(side, samples[side.name], options, round)
    }
    const after = machine()
    options.say(`  tunnel MTU ${mtus[0]}, machine busy ${Math.round((100 * (after.busy - before.busy)) / (after.total - before.total))} %`)
  } finally {
    await rig.close()
  }
  const both = (figure: Figure): { postern: ReturnType<typeof spread>; ocserv: ReturnType<typeof spread> } => ({
    postern: spread(samples.postern[figure]),
    ocserv: spread(samples.ocserv[figure]),
  })
  return [
    line('tls up', 'CPU-s/GB', 'less', both('up'), 2),
    line('tls down', 'CPU-s/GB', 'less', both('down'), 2),
    line('tls up rate', 'Mbit/s', 'more', both('upRate')),
    line('tls down rate', 'Mbit/s', 'more', both('downRate')),
    line('tls idle RTT', 'ms', 'less', both('rtt')),
  ]
}

async function measure(side: Side, into: Samples[SideName], { seconds, say }: TlsBenchOptions, round: number): Promise<void> {
  const { rttMs } = await ping(side.lab.client, LAN.ipv4, { count: 40, intervalSec: 0.02 })
  into.rtt.push(rttMs?.avg ?? Number.NaN)
  for (const way of WAYS) {
    const before = cpuSeconds(side.pid)
    const { bytes, seconds: took } = await iperf(side.lab.client, way, seconds)
    const used = cpuSeconds(side.pid) - before
    const perGigabyte = used / (bytes / 1e9)
    const rate = (bytes * 8) / took / 1e6
    into[way].push(perGigabyte)
    into[`${way}Rate`].push(rate)
    say(`  round ${round + 1} ${side.name.padEnd(7)} ${way.padEnd(4)} ${perGigabyte.toFixed(2)} CPU-s/GB, ${rate.toFixed(0)} Mbit/s, ${(used / took).toFixed(2)} cores`)
  }
}
