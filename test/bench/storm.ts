import { sleep } from '../lab/command.ts'
import { addCheapUsers } from './cheap-users.ts'
import { cpuSeconds } from './cpu.ts'
import { line, type Line } from './line.ts'
import { load } from './load/load.ts'
import { Peer } from './load/peer.ts'
import { interleave, openRig, type Rig, type Side } from './rig.ts'
import { Samples } from './samples.ts'
import { addSources } from './sources.ts'
import { spread } from './statistics.ts'
import { PASSWORD } from './tcp.ts'

export interface StormOptions {
  readonly rounds: number
  /** Sessions that come back at once after a restart. */
  readonly sessions: number
  readonly say: (text: string) => void
}

const USERS = 50
const MTU = { tunnel: 1334, ocserv: 1400 } as const
/** Reconnects of one client, one behind the other, in one run. */
const RECONNECTS = 200
/** Clients behind one NAT. */
const OFFICE = 300

interface Resumed {
  readonly ok: boolean
  readonly back: number
  readonly attempts: number
  readonly seconds: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly errors: Readonly<Record<string, number>>
}

/**
 * One client that reconnects with its cookie again and again, on both sides; then what ocserv has no figure for, since it
 * forgets its sessions: a gateway killed and started again, and all its clients back at once, DTLS included.
 */
export async function benchStorm(options: StormOptions): Promise<Line[]> {
  const names = Array.from({ length: USERS }, (_, index) => `bench${index}`)
  const rig = await openRig({
    users: Object.fromEntries(names.map((name) => [name, PASSWORD])), mtu: MTU, dtls: true,
    posternUsers: (gateway) => addCheapUsers(gateway, names, PASSWORD),
  })
  const samples = new Samples<'cpu' | 'wall'>()
  const lines: Line[] = []
  try {
    for (const side of rig.sides) await reconnects(side, 20)
    await interleave(rig, options.rounds, async (side, round) => {
      const before = cpuSeconds(side.pid)
      const { medianMs } = await reconnects(side, RECONNECTS)
      const cpuMs = (1000 * (cpuSeconds(side.pid) - before)) / RECONNECTS
      samples.add(side.name, 'cpu', cpuMs)
      samples.add(side.name, 'wall', medianMs)
      options.say(`  round ${round + 1} ${side.name.padEnd(7)} ${cpuMs.toFixed(2)} CPU-ms a reconnect, ${medianMs.toFixed(2)} ms until its tunnel`)
    })
    lines.push(
      line('reconnect with a valid cookie, CPU of the server', 'ms', 'less', samples.both('cpu'), { must: 20, hard: 2, of: 'figure' }),
      line('reconnect with a valid cookie, until the tunnel', 'ms', 'less', samples.both('wall'), { must: 200, hard: 20, of: 'figure' }),
    )
    const sources = await addSources(rig.postern, 40)
    lines.push(...(await storm(rig, `${options.sessions} clients`, options.sessions, sources, options)))
    lines.push(...(await storm(rig, `${OFFICE} clients of one address`, OFFICE, sources.slice(0, 1), options)))
  } finally {
    await rig.close()
  }
  return lines
}

async function reconnects(side: Side, count: number): Promise<Resumed> {
  const result = await load<Resumed>(side.lab.client, 'resume', { user: 'bench0', password: PASSWORD, args: ['--count', `${count}`], limitMs: 120_000 })
  if (!result.ok) throw new Error(`${side.name}: ${JSON.stringify(result)}`)
  return result
}

async function storm({ postern }: Rig, what: string, sessions: number, sources: readonly string[], { rounds, say }: StormOptions): Promise<Line[]> {
  const { gateway, lab } = postern
  const [seconds, cpu, refused]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    const args = ['--users', `${USERS}`, '--sessions', `${sessions}`, '--source', sources.join(',')]
    const peer = await Peer.start(lab, lab.client, 'resume', { user: 'bench%d', password: PASSWORD, args })
    await peer.ready(120_000)
    await gateway.stop('SIGKILL')
    await gateway.start()
    const before = cpuSeconds(gateway.pid)
    const { stdout, stderr } = await peer.service.ended
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Resumed
    if (!result.ok) throw new Error(`${what}: ${stdout}${stderr}`)
    seconds.push(result.seconds)
    cpu.push(cpuSeconds(gateway.pid) - before)
    // Nobody was there for the first attempt of each.
    refused.push(result.attempts - 2 * sessions)
    say(`  round ${round + 1} ${what} back in ${result.seconds.toFixed(2)} s, ${cpu.at(-1)?.toFixed(2)} CPU-s, ${refused.at(-1)} attempts refused, tunnel after ${result.medianMs.toFixed(0)} ms (p99 ${result.p99Ms.toFixed(0)} ms) ${JSON.stringify(result.errors)}`)
    await sleep(1000)
  }
  return [
    line(`${what} back after a kill -9`, 's', 'less', { postern: spread(seconds) }),
    line(`${what} back, CPU of the gateway`, 's', 'less', { postern: spread(cpu) }),
    line(`${what} back, attempts refused`, '', 'less', { postern: spread(refused) }),
  ]
}
