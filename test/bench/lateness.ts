import { Service } from '../lab/command.ts'
import { line, type Line } from './line.ts'
import { buildLoad, LOAD, loadArgv } from './load/load.ts'
import { interleave, openRig, type Side } from './rig.ts'
import { Samples } from './samples.ts'
import { addSources } from './sources.ts'
import { PASSWORD, type TcpBenchOptions } from './tcp.ts'

const HANDSHAKES = 500
/** Seconds in which the handshakes get going before the stream begins. */
const SETTLE = 1
const MTU = { tunnel: 1334, ocserv: 1400 } as const

interface Echo {
  readonly ok: boolean
  readonly sent: number
  readonly received: number
  readonly rttUs: Readonly<Record<'p50' | 'p99' | 'p999' | 'max', number>>
}

/**
 * How late a data worker gets to its work while 500 RSA-2048 handshakes are under way all the time. The probe is a stream
 * of 1,000 DPD probes a second through one DTLS tunnel, which the worker answers itself. Its client has real-time
 * priority, so that what the answer takes longer than the idle median was spent waiting for the worker: that bounds the
 * lateness of a tick from above. The handshakes' own client yields to everyone. On a machine with other load, that load
 * shows as well: see `idle p99` of the rounds.
 */
export async function benchLateness(options: TcpBenchOptions): Promise<Line[]> {
  await buildLoad()
  const rig = await openRig({ users: { bench: PASSWORD }, mtu: MTU, dtls: true, certificate: 'rsa' })
  const samples = new Samples<'idle' | 'p50' | 'p99' | 'late' | 'handshakes'>()
  try {
    const sources = new Map<Side, readonly string[]>()
    for (const side of rig.sides) {
      sources.set(side, await addSources(side, 40))
    }
    await interleave(rig, options.rounds, async (side, round) => {
      const idle = await echo(side, options.seconds)
      let storm: Service | undefined
      const busy = await echo(side, options.seconds, () => {
        const argv = ['storm', '--server', '10.77.0.1', '--handshakes', `${HANDSHAKES}`, '--seconds', `${options.seconds + SETTLE}`]
        storm = new Service(['nice', '-n', '19', LOAD, ...argv, '--source', (sources.get(side) ?? []).join(',')], { namespace: side.lab.client.namespace })
      })
      if (!storm) throw new Error('the handshakes did not begin')
      const { stdout } = await storm.ended
      const handshakes = (JSON.parse(stdout) as { perSec: number }).perSec
      const late = Math.max(0, busy.rttUs.p99 - idle.rttUs.p50) / 1000
      samples.add(side.name, 'idle', idle.rttUs.p50 / 1000)
      samples.add(side.name, 'p50', busy.rttUs.p50 / 1000)
      samples.add(side.name, 'p99', busy.rttUs.p99 / 1000)
      samples.add(side.name, 'late', late)
      samples.add(side.name, 'handshakes', handshakes)
      options.say(`  round ${round + 1} ${side.name.padEnd(7)} ${late.toFixed(3)} ms late (p99), idle p50 ${idle.rttUs.p50} us p99 ${idle.rttUs.p99} us, under ${handshakes.toFixed(0)} handshakes/s p50 ${busy.rttUs.p50} us p99 ${busy.rttUs.p99} us, ${busy.sent - busy.received} lost`)
    })
  } finally {
    await rig.close()
  }
  return [
    line(`p99 lateness under ${HANDSHAKES} RSA-2048 handshakes`, 'ms', 'less', samples.both('late'), { must: 1, hard: 0.1, of: 'figure' }),
    line('RSA-2048 handshakes meanwhile', '1/s', 'more', samples.both('handshakes')),
  ]
}

/** `opened` is called when the tunnel is up; the stream begins `SETTLE` seconds later. */
async function echo(side: Side, seconds: number, opened: () => void = () => undefined): Promise<Echo> {
  const args = ['--rate', '1000', '--size', '200', '--seconds', `${seconds}`, '--settle', `${SETTLE}`]
  const service = new Service(['chrt', '-f', '40', ...loadArgv('probe', { user: 'bench', args })], { namespace: side.lab.client.namespace })
  side.lab.onReset(() => service.stop('SIGKILL'))
  service.child.stdin?.end(`${PASSWORD}\n`)
  await service.until('its tunnel', () => service.stdout.includes('"ready":true'))
  opened()
  const { stdout, stderr } = await service.ended
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Partial<Echo>
  if (result.rttUs === undefined) throw new Error(`${side.name}: no probe was answered: ${stdout}${stderr}`)
  return result as Echo
}
