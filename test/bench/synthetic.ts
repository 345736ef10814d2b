import { serveIperf } from '../lab/traffic.ts'
import { line, type Line } from './line.ts'
import { startTunPeer } from './load/peer.ts'
import { interleave, openRig } from './rig.ts'
import { Samples } from './samples.ts'
import { connectOpenConnect, measureTcp, PASSWORD, WAYS, type TcpBenchOptions, type Way } from './tcp.ts'

const MTU = { tunnel: 1334, ocserv: 1400 } as const

/**
 * What the server does when the client is not the limit: one TCP stream through a peer that sends GSO and receives GRO,
 * against ocserv with openconnect in the same run (reference dataplane section 2.3): bursts of such a peer overrun
 * ocserv's sockets, and its figures with openconnect are the better ones.
 */
export async function benchSynthetic(options: TcpBenchOptions): Promise<Line[]> {
  const rig = await openRig({ users: { bench: PASSWORD, peer: PASSWORD }, mtu: MTU, dtls: true })
  const samples = new Samples<Way | `${Way}Rate`>()
  try {
    for (const side of rig.sides) await serveIperf(side.lab)
    const { client, mtu } = await connectOpenConnect(rig.ocserv, 'dtls')
    rig.ocserv.lab.onReset(() => client.stop())
    const { peer, mtu: peerMtu } = await startTunPeer(rig.postern.lab, { user: 'peer', password: PASSWORD })
    if (mtu !== peerMtu) throw new Error(`the tunnels differ in MTU: postern ${peerMtu}, ocserv ${mtu}`)
    await interleave(rig, options.rounds, async (side, round) => {
      for (const way of WAYS) {
        const { perGigabyte, rate, cores } = await measureTcp(side, way, options.seconds)
        samples.add(side.name, way, perGigabyte)
        samples.add(side.name, `${way}Rate`, rate)
        options.say(`  round ${round + 1} ${side.name.padEnd(7)} ${way.padEnd(4)} ${perGigabyte.toFixed(2)} CPU-s/GB, ${rate.toFixed(0)} Mbit/s, ${cores.toFixed(2)} cores`)
      }
    })
    const report = await peer.stop<{ ok: boolean }>()
    options.say(`  the peer saw: ${JSON.stringify(report)}`)
    if (!report.ok) throw new Error('the synthetic peer received what nobody sent')
  } finally {
    await rig.close()
  }
  return [
    line('synthetic up', 'CPU-s/GB', 'less', samples.both('up'), { must: 4.5, hard: 6 }),
    line('synthetic down', 'CPU-s/GB', 'less', samples.both('down'), { must: 3.5, hard: 4.5 }),
    line('synthetic up rate', 'Mbit/s', 'more', samples.both('upRate'), { must: 6000, hard: 9000, of: 'figure' }),
    line('synthetic down rate', 'Mbit/s', 'more', samples.both('downRate'), { must: 6000, hard: 9000, of: 'figure' }),
  ]
}
