import { sleep } from '../lab/command.ts'
import { LAN } from '../lab/lab.ts'
import { addCheapUsers } from './cheap-users.ts'
import { cpuSeconds } from './cpu.ts'
import { line, type Line } from './line.ts'
import { Peer, serveSink } from './load/peer.ts'
import { memoryKb } from './processes.ts'
import { openRig, type Rig, type Side, type SideName } from './rig.ts'
import { addSources } from './sources.ts'
import { spread } from './statistics.ts'
import { PASSWORD } from './tcp.ts'

export interface CrowdOptions {
  /** DTLS sessions of each side at the same time. */
  readonly sessions: Readonly<Record<SideName, number>>
  /** How long idle sessions are watched. */
  readonly idleSeconds: number
  readonly rounds: number
  readonly say: (text: string) => void
}

const USERS = 50
const MTU = { tunnel: 1334, ocserv: 1400 } as const
/** Seconds between DPD probes, of the gateway and of the clients. */
const DPD = 30

async function openCrowdRig(): Promise<Rig> {
  const names = Array.from({ length: USERS }, (_, index) => `bench${index}`)
  return openRig({
    users: Object.fromEntries(names.map((name) => [name, PASSWORD])), mtu: MTU, dtls: true,
    config: { policy: { dpd: `${DPD}s` } },
    posternUsers: (gateway) => addCheapUsers(gateway, names, PASSWORD),
  })
}

interface Held {
  readonly sessions: number
  readonly errors: Readonly<Record<string, number>>
}

/** Sessions that one generator holds: two descriptors each, below the 20,000 that a process may have on common systems. */
const SESSIONS_PER_PEER = 5000

async function hold(side: Side, sources: readonly string[], sessions: number, say: (text: string) => void): Promise<readonly Peer[]> {
  const peers: Peer[] = []
  const started = Date.now()
  for (let left = sessions; left > 0; left -= SESSIONS_PER_PEER) {
    const count = Math.min(left, SESSIONS_PER_PEER)
    const args = ['--users', `${USERS}`, '--sessions', `${count}`, '--threads', '16', '--seconds', '3600', '--dpd', `${DPD}`, '--source', sources.join(',')]
    const peer = await Peer.start(side.lab, side.lab.client, 'hold', { user: 'bench%d', password: PASSWORD, args })
    const held = await peer.ready<Held>(600_000)
    if (held.sessions < count) throw new Error(`${side.name}: ${held.sessions} of ${count} sessions came up: ${JSON.stringify(held.errors)}`)
    peers.push(peer)
  }
  say(`  ${side.name}: ${sessions} sessions in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return peers
}

async function letGo(side: Side, peers: readonly Peer[], say: (text: string) => void): Promise<void> {
  for (const peer of peers) {
    const result = await peer.stop<{ ok: boolean; alive: number; crowd: Readonly<Record<string, number>> }>()
    const { probesSent, probesAnswered, tlsProbesAnswered, answersHeard, keepalives, tlsKeepalives } = result.crowd
    say(`  ${side.name}: a generator heard ${keepalives} keepalives (${tlsKeepalives} over TLS), answered ${probesAnswered} probes (${tlsProbesAnswered} over TLS), had ${answersHeard} of its ${probesSent} answered`)
    if (!result.ok) throw new Error(`${side.name}: the sessions did not stay whole: ${JSON.stringify(result)}`)
  }
}

/** Resident memory at start, and user memory of the server for a DTLS session (growth of its proportional set size / N). */
export async function benchMemory(options: CrowdOptions): Promise<Line[]> {
  const rig = await openCrowdRig()
  const start: Record<SideName, number> = { postern: 0, ocserv: 0 }
  const each: Record<SideName, number> = { postern: 0, ocserv: 0 }
  try {
    await sleep(2000)
    for (const side of rig.sides) {
      const before = memoryKb(side.pid)
      start[side.name] = side.name === 'postern' ? before.rss : before.pss
      const sources = await addSources(side, 8)
      const peers = await hold(side, sources, options.sessions[side.name], options.say)
      await sleep(2000)
      const after = memoryKb(side.pid)
      each[side.name] = (after.pss - before.pss) / options.sessions[side.name]
      options.say(`  ${side.name}: ${(before.pss / 1024).toFixed(1)} MB, with ${options.sessions[side.name]} sessions ${(after.pss / 1024).toFixed(1)} MB, ${each[side.name].toFixed(1)} kB each`)
      await letGo(side, peers, options.say)
    }
  } finally {
    await rig.close()
  }
  const one = (values: Record<SideName, number>, scale: number) => ({ postern: spread([values.postern / scale]), ocserv: spread([values.ocserv / scale]) })
  return [
    line('resident memory at start', 'MB', 'less', one(start, 1024), { must: 90, hard: 60, of: 'figure' }),
    line(`user memory of a DTLS session (${options.sessions.postern}; ocserv ${options.sessions.ocserv})`, 'kB', 'less', one(each, 1), { must: 25, hard: 15, of: 'figure' }),
  ]
}

const SETTLE_MS = 70_000

/** Of the cable between the clients and the server, both ways, bytes with their Ethernet headers. */
async function cableBytes({ lab }: Side): Promise<number> {
  const [link] = JSON.parse(await lab.gateway.must(['ip', '-s', '-j', 'link', 'show', 'c0'])) as readonly { readonly stats64: Readonly<Record<'rx' | 'tx', { readonly bytes: number }>> }[]
  if (!link) throw new Error('no cable c0')
  return link.stats64.rx.bytes + link.stats64.tx.bytes
}

/** CPU of the server for idle DTLS sessions that both ends probe every 30 s, per cent of one core; bits a second of each on the wire. */
export async function benchIdle(options: CrowdOptions): Promise<Line[]> {
  const rig = await openCrowdRig()
  const shares: number[] = []
  const bits: number[] = []
  const side = rig.postern
  try {
    const sources = await addSources(side, 8)
    const peers = await hold(side, sources, options.sessions.postern, options.say)
    // The work of the logins, garbage included, is not that of idle sessions; within a minute their rows are saved.
    await sleep(SETTLE_MS)
    for (let round = 0; round < options.rounds; round++) {
      const before = { cpu: cpuSeconds(side.pid), bytes: await cableBytes(side) }
      await sleep(options.idleSeconds * 1000)
      shares.push((100 * (cpuSeconds(side.pid) - before.cpu)) / options.idleSeconds)
      bits.push((8 * (await cableBytes(side) - before.bytes)) / options.idleSeconds / options.sessions.postern)
      options.say(`  round ${round + 1} postern ${shares.at(-1)?.toFixed(2)} % of a core, ${bits.at(-1)?.toFixed(0)} bit/s a session`)
    }
    await letGo(side, peers, options.say)
  } finally {
    await rig.close()
  }
  return [
    line(`${options.sessions.postern} idle sessions, ${DPD} s DPD`, '% core', 'less', { postern: spread(shares) }, { must: 2, hard: 0.5, of: 'figure' }),
    // A hundredth of a modem's 64 kbit/s.
    line('an idle session on the wire, both ways', 'bit/s', 'less', { postern: spread(bits) }, { must: 640, hard: 320, of: 'figure' }),
  ]
}

/** Of the crowd, so many move data: packets a second and way of each, bytes of a packet. */
const ACTIVE = { sessions: 1000, rate: 20, bytes: 600, seconds: 10 } as const

interface Echoes {
  readonly ok: boolean
  readonly sent: number
  readonly received: number
  readonly corrupt: number
  readonly rttUs: Readonly<Record<'p50' | 'p99', number>>
}

/** A tenth of the crowd moves data, every packet checked, while the others are idle: CPU of the server for a packet. */
export async function benchActive(options: CrowdOptions): Promise<Line[]> {
  const rig = await openCrowdRig()
  const side = rig.postern
  const sessions = options.sessions.postern
  const active = Math.min(ACTIVE.sessions, sessions)
  const each: number[] = []
  const late: number[] = []
  try {
    await serveSink(side.lab)
    const sources = await addSources(side, 8)
    const busy = Math.min(sessions, SESSIONS_PER_PEER)
    const idle = await hold(side, sources, sessions - busy, options.say)
    const peer = await Peer.start(side.lab, side.lab.client, 'echo', {
      user: 'bench%d', password: PASSWORD,
      args: [
        '--users', `${USERS}`, '--sessions', `${busy}`, '--active', `${active}`, '--threads', '16', '--source', sources.join(','), '--target', LAN.ipv4,
        '--rate', `${ACTIVE.rate}`, '--size', `${ACTIVE.bytes}`, '--seconds', `${ACTIVE.seconds}`, '--settle', '5',
      ],
    })
    await peer.ready(600_000)
    await sleep(5000)
    const before = cpuSeconds(side.pid)
    await sleep((ACTIVE.seconds - 2) * 1000)
    const used = (cpuSeconds(side.pid) - before) / (ACTIVE.seconds - 2)
    const { stdout } = await peer.service.ended
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Echoes
    if (!result.ok || result.corrupt > 0) throw new Error(`the flows did not stay whole: ${stdout}`)
    each.push((1e6 * used) / (2 * ACTIVE.rate * active))
    late.push(result.rttUs.p99 / 1000)
    options.say(`  postern ${each.at(-1)?.toFixed(2)} us a packet, ${result.sent - result.received} of ${result.sent} echoes lost, round trip p50 ${result.rttUs.p50} us p99 ${result.rttUs.p99} us`)
    await letGo(side, idle, options.say)
  } finally {
    await rig.close()
  }
  return [
    line(`${active} of ${sessions} sessions move data`, 'us/packet', 'less', { postern: spread(each) }),
    line('their round trip, p99', 'ms', 'less', { postern: spread(late) }),
  ]
}
