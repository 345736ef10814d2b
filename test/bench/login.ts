import { resolve } from 'node:path'
import { sleep } from '../lab/command.ts'
import { GATEWAY } from '../lab/lab.ts'
import { addCheapUsers } from './cheap-users.ts'
import { cpuSeconds } from './cpu.ts'
import { line, type Line } from './line.ts'
import { openRig, type Side, type SideName } from './rig.ts'
import { spread } from './statistics.ts'

export interface LoginBenchOptions {
  readonly rounds: number
  /** Logins in one run, of each side. */
  readonly logins: Readonly<Record<SideName, number>>
  /** Logins before the first run: V8 compiles what is hot only after thousands of calls, C is born compiled. */
  readonly warmUp: Readonly<Record<SideName, number>>
  readonly concurrency: number
  readonly say: (text: string) => void
}

const USERS = 50
const PASSWORD = 'bench-password'
/** Logins come from as many addresses as it takes to stay below a gateway's bound for one. */
const SOURCES = Array.from({ length: 8 }, (_, index) => `10.77.0.${100 + index}`)
const PEER = resolve(import.meta.dirname, 'peers/logins.ts')

/** Logins per CPU second of the server: TLS 1.3, forms, CONNECT, logout; cheap password hashes on both sides. */
export async function benchLogin(options: LoginBenchOptions): Promise<Line[]> {
  const names = Array.from({ length: USERS }, (_, index) => `bench${index}`)
  const users = Object.fromEntries(names.map((name) => [name, PASSWORD]))
  const rig = await openRig({
    users,
    mtu: { tunnel: 1334, ocserv: 1362 },
    posternUsers: (gateway) => addCheapUsers(gateway, names, PASSWORD),
  })
  const perCpu = { postern: [] as number[], ocserv: [] as number[] }
  const rate = { postern: [] as number[], ocserv: [] as number[] }
  try {
    for (const side of rig.sides) {
      await side.lab.client.batch('ip', SOURCES.map((address) => `address add ${address}/24 dev eth0\n`).join(''))
      await side.lab.gateway.batch('ip', SOURCES.map((address) => `route add ${address}/32 dev c0\n`).join(''))
      await logins(side, options.warmUp[side.name], options.concurrency)
    }
    for (let round = 0; round < options.rounds; round++) {
      const order = round % 2 === 0 ? rig.sides : [...rig.sides].reverse()
      for (const side of order) {
        const count = options.logins[side.name]
        const before = cpuSeconds(side.pid)
        const { done, ms } = await logins(side, count, options.concurrency)
        // Logouts are part of a login's price: let the last ones be finished.
        await sleep(500)
        const used = cpuSeconds(side.pid) - before
        perCpu[side.name].push(done / used)
        rate[side.name].push((done * 1000) / ms)
        options.say(`  round ${round + 1} ${side.name.padEnd(7)} ${(done / used).toFixed(0)} logins per CPU-s, ${((done * 1000) / ms).toFixed(0)} logins/s, ${((1e6 * used) / done).toFixed(0)} us each`)
      }
    }
  } finally {
    await rig.close()
  }
  return [
    line('logins', '1/CPU-s', 'more', { postern: spread(perCpu.postern), ocserv: spread(perCpu.ocserv) }, 6),
    line('logins, rate with this client', '1/s', 'more', { postern: spread(rate.postern), ocserv: spread(rate.ocserv) }),
  ]
}

async function logins(side: Side, count: number, concurrency: number): Promise<{ readonly done: number; readonly ms: number }> {
  const argv = [process.execPath, '--import', 'tsx', PEER, GATEWAY.ipv4, `${count}`, `${concurrency}`, `${USERS}`, PASSWORD, SOURCES.join(',')]
  const text = await side.lab.client.must(argv, { limitMs: 120_000, cwd: resolve(import.meta.dirname, '../..') })
  const result = JSON.parse(text) as { done: number; ms: number; failures: Record<string, number> }
  if (result.done < count) throw new Error(`${side.name}: ${count - result.done} of ${count} logins failed: ${JSON.stringify(result.failures)}`)
  return result
}
