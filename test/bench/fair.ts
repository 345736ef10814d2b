import { OpenConnect } from '../lab/openconnect.ts'
import { LAN } from '../lab/lab.ts'
import { iperf, ping, serveIperf } from '../lab/traffic.ts'
import { line, type Line } from './line.ts'
import { interleave, openRig } from './rig.ts'
import { Samples } from './samples.ts'
import { PASSWORD, type TcpBenchOptions } from './tcp.ts'

/** The ping of one client while another one moves as much as it can, ms: a bulk user must not ruin it. openconnect, DTLS. */
export async function benchFair({ rounds, seconds, say }: TcpBenchOptions): Promise<Line[]> {
  const rig = await openRig({ users: { bulk: PASSWORD, ping: PASSWORD }, mtu: { tunnel: 1334, ocserv: 1400 }, dtls: true, clients: 2 })
  const samples = new Samples<'up' | 'down'>()
  try {
    for (const { lab, pin } of rig.sides) {
      await serveIperf(lab)
      for (const [index, user] of ['bulk', 'ping'].entries()) {
        const host = lab.clients[index]
        if (!host) throw new Error('the lab has too few clients')
        const client = await OpenConnect.connect(host, lab.folder, { pin, user, answers: [PASSWORD], args: ['--verbose'] })
        await client.said(/Established DTLS connection/)
        lab.onReset(() => client.stop())
      }
    }
    await interleave(rig, rounds, async ({ name, lab }, round) => {
      const [bulk, interactive] = lab.clients
      if (!bulk || !interactive) throw new Error('the lab has too few clients')
      for (const way of ['up', 'down'] as const) {
        const [moved, { rttMs }] = await Promise.all([iperf(bulk, way, seconds), ping(interactive, LAN.ipv4, { count: Math.floor(seconds * 40), intervalSec: 0.02 })])
        samples.add(name, way, rttMs?.avg ?? Number.NaN)
        say(`  round ${round + 1} ${name.padEnd(7)} ${way.padEnd(4)} ping ${rttMs?.avg} ms (max ${rttMs?.max}) beside ${((moved.bytes * 8) / moved.seconds / 1e6).toFixed(0)} Mbit/s`)
      }
    })
  } finally {
    await rig.close()
  }
  return (['up', 'down'] as const).map((way) => line(`ping beside a bulk client, ${way}`, 'ms', 'less', samples.both(way)))
}
