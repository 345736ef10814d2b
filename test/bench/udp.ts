import { LAN, type Host } from '../lab/lab.ts'
import { cpuSeconds } from './cpu.ts'
import { line, type Line, type Target } from './line.ts'
import { interleave } from './rig.ts'
import { Samples } from './samples.ts'
import { openTunnels, WAYS, type TcpBenchOptions, type Way } from './tcp.ts'

/** Rates that both servers carry without loss (reference dataplane section 2.2). */
const SIZES = [
  { bytes: 1300, packetsPerSec: 38_500, target: { must: 1.8, hard: 2.2 } },
  { bytes: 120, packetsPerSec: 50_000, target: { must: 2.2, hard: 3 } },
] as const satisfies readonly { bytes: number; packetsPerSec: number; target: Target }[]
const HEADERS = 28
/** Above this share of lost packets the figure of a run says nothing about the price of a packet. */
const TOLERABLE_LOSS = 0.02

/** CPU of the server for an inner packet, microseconds, at a rate both carry; openconnect over DTLS on both sides. */
export async function benchUdp(options: TcpBenchOptions): Promise<Line[]> {
  const scale = Number(process.env.UDP_SCALE ?? 1)
  const rig = await openTunnels('dtls', options.say)
  const samples = new Samples<`${Way}${number}` | `${Way}${number} loss`>()
  try {
    await interleave(rig, options.rounds, async (side, round) => {
      for (const { bytes, packetsPerSec } of SIZES) {
        for (const way of WAYS) {
          const before = cpuSeconds(side.pid)
          const { received, lost } = await iperfUdp(side.lab.client, way, { bytes: bytes - HEADERS, packetsPerSec: packetsPerSec * scale, seconds: options.seconds })
          const used = cpuSeconds(side.pid) - before
          const loss = lost / (received + lost)
          samples.add(side.name, `${way}${bytes}`, (1e6 * used) / received)
          samples.add(side.name, `${way}${bytes} loss`, loss)
          options.say(`  round ${round + 1} ${side.name.padEnd(7)} ${way.padEnd(4)} ${bytes} B ${((1e6 * used) / received).toFixed(2)} us a packet, ${(received / options.seconds).toFixed(0)} packets/s, ${(100 * loss).toFixed(2)} % lost`)
        }
      }
    })
  } finally {
    await rig.close()
  }
  return SIZES.flatMap(({ bytes, target }) =>
    WAYS.map((way) => {
      const losses = samples.both(`${way}${bytes} loss`)
      const clean = losses.postern.median <= TOLERABLE_LOSS && losses.ocserv.median <= TOLERABLE_LOSS
      if (!clean) options.say(`  udp ${bytes} B ${way}: not judged, too much was lost (postern ${losses.postern.median}, ocserv ${losses.ocserv.median}); try UDP_SCALE below ${scale}`)
      return line(`udp ${bytes} B ${way}`, 'us/packet', 'less', samples.both(`${way}${bytes}`), clean ? target : undefined)
    }),
  )
}

async function iperfUdp(
  host: Host,
  way: Way,
  { bytes, packetsPerSec, seconds }: { readonly bytes: number; readonly packetsPerSec: number; readonly seconds: number },
): Promise<{ readonly received: number; readonly lost: number }> {
  const rate = `${Math.round(packetsPerSec * bytes * 8)}`
  const argv = ['iperf3', '-J', '-u', '-c', LAN.ipv4, '-t', `${seconds}`, '-l', `${bytes}`, '-b', rate, ...(way === 'down' ? ['-R'] : [])]
  const { end } = JSON.parse(await host.must(argv, { limitMs: (seconds + 20) * 1000 })) as { end: { sum: { packets: number; lost_packets: number } } }
  return { received: end.sum.packets - end.sum.lost_packets, lost: end.sum.lost_packets }
}
