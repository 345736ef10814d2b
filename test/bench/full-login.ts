import { sleep } from '../lab/command.ts'
import { addCheapUsers } from './cheap-users.ts'
import { cpuSeconds } from './cpu.ts'
import { line, type Line } from './line.ts'
import { load } from './load/load.ts'
import { interleave, openRig, type Side, type SideName } from './rig.ts'
import { Samples } from './samples.ts'
import { addSources } from './sources.ts'
import { PASSWORD } from './tcp.ts'

export interface FullLoginOptions {
  readonly rounds: number
  /** Logins in one run, of each side. */
  readonly logins: Readonly<Record<SideName, number>>
  /** Logins before the first run: V8 compiles what is hot only after thousands of calls, C is born compiled. */
  readonly warmUp: Readonly<Record<SideName, number>>
  /** Logins at the same time. */
  readonly concurrency: number
  readonly say: (text: string) => void
}

const USERS = 50
const MTU = { tunnel: 1334, ocserv: 1400 } as const

interface LoginResult {
  readonly ok: boolean
  readonly done: number
  readonly perSec: number
  readonly medianMs: number
  readonly errors: Readonly<Record<string, number>>
}

/** Whole logins for a CPU second of the server: TLS 1.3 with P-256, dialogue, CONNECT, DTLS handshake, logout; cheap password hashes. */
export async function benchFullLogin(options: FullLoginOptions): Promise<Line[]> {
  const names = Array.from({ length: USERS }, (_, index) => `bench${index}`)
  const rig = await openRig({
    users: Object.fromEntries(names.map((name) => [name, PASSWORD])), mtu: MTU, dtls: true,
    posternUsers: (gateway) => addCheapUsers(gateway, names, PASSWORD),
  })
  const samples = new Samples<'perCpu' | 'rate'>()
  try {
    const sources = new Map<Side, readonly string[]>()
    for (const side of rig.sides) {
      sources.set(side, await addSources(side, 8))
      await logins(side, sources.get(side) ?? [], options.warmUp[side.name], options.concurrency)
    }
    await interleave(rig, options.rounds, async (side, round) => {
      const before = cpuSeconds(side.pid)
      const { done, perSec, medianMs } = await logins(side, sources.get(side) ?? [], options.logins[side.name], options.concurrency)
      // Logouts are part of a login's price: let the last ones be finished.
      await sleep(500)
      const perCpu = done / (cpuSeconds(side.pid) - before)
      samples.add(side.name, 'perCpu', perCpu)
      samples.add(side.name, 'rate', perSec)
      options.say(`  round ${round + 1} ${side.name.padEnd(7)} ${perCpu.toFixed(0)} logins per CPU-s, ${perSec.toFixed(0)} logins/s, median ${medianMs.toFixed(1)} ms`)
    })
  } finally {
    await rig.close()
  }
  return [
    line('full logins with DTLS', '1/CPU-s', 'more', samples.both('perCpu'), { must: 1200, hard: 2500, of: 'figure' }),
    line('full logins with DTLS, rate', '1/s', 'more', samples.both('rate')),
  ]
}

async function logins(side: Side, sources: readonly string[], count: number, concurrency: number): Promise<LoginResult> {
  const args = ['--tls', '1.3', '--users', `${USERS}`, '--count', `${count}`, '--threads', `${concurrency}`, '--source', sources.join(',')]
  const result = await load<LoginResult>(side.lab.client, 'login', { user: 'bench%d', password: PASSWORD, args, limitMs: 300_000 })
  if (!result.ok) throw new Error(`${side.name}: ${count - result.done} of ${count} logins failed: ${JSON.stringify(result.errors)}`)
  return result
}
