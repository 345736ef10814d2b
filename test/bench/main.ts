/**
 * `make bench [ONLY="tls dtls …"]`: Postern against Debian's ocserv on the same machine in the same run. Method: two labs,
 * both servers up all the time, the same certificate and tunnel MTU, rounds interleaved, medians and spread; only the
 * ratios of one run mean something (reference dataplane section 9).
 *
 * Environment for short runs: ROUNDS=5, BENCH_SECONDS=3 (one measurement), SESSIONS=10000, RIVAL_SESSIONS=100,
 * IDLE_SECONDS=60, LOGINS=3000, RETURNING=1000.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { run } from '../lab/command.ts'
import { missing } from '../lab/suite.ts'
import { benchActive, benchIdle, benchMemory } from './crowd.ts'
import { benchFair } from './fair.ts'
import { benchFullLogin } from './full-login.ts'
import { benchGuard } from './guard.ts'
import { benchLateness } from './lateness.ts'
import { table, type Line } from './line.ts'
import { buildLoad } from './load/load.ts'
import { benchLogin } from './login.ts'
import { benchRadius } from './radius.ts'
import { benchStorm } from './storm.ts'
import { benchSynthetic } from './synthetic.ts'
import { benchTcp } from './tcp.ts'
import { benchUdp } from './udp.ts'

const RESULTS = resolve(import.meta.dirname, '../../bench/results.json')
const say = (text: string): void => void process.stdout.write(`${text}\n`)

function setting(name: string, otherwise: number): number {
  const value = Number(process.env[name] ?? otherwise)
  if (!(value > 0)) throw new Error(`${name}: not a number above 0: ${process.env[name]}`)
  return value
}

function parts(): Readonly<Record<string, () => Promise<Line[]>>> {
  const each = { rounds: setting('ROUNDS', 5), seconds: setting('BENCH_SECONDS', 3), say }
  const { rounds } = each
  const crowd = {
    sessions: { postern: setting('SESSIONS', 10_000), ocserv: setting('RIVAL_SESSIONS', 100) },
    idleSeconds: setting('IDLE_SECONDS', 60), rounds: Math.min(rounds, 3), say,
  }
  const logins = setting('LOGINS', 3000)
  return {
    dtls: () => benchTcp('dtls', each),
    udp: () => benchUdp(each),
    tls: () => benchTcp('tls', each),
    fair: () => benchFair(each),
    synthetic: () => benchSynthetic(each),
    memory: () => benchMemory(crowd),
    idle: () => benchIdle(crowd),
    active: () => benchActive(crowd),
    lateness: () => benchLateness(each),
    storm: () => benchStorm({ rounds, sessions: setting('RETURNING', 1000), say }),
    guard: () => benchGuard({ rounds, say }),
    radius: () => benchRadius({ rounds, say }),
    login: async () => [
      ...(await benchLogin({ rounds, logins: { postern: 1500, ocserv: 300 }, warmUp: { postern: 4000, ocserv: 50 }, concurrency: 50, say })),
      ...(await benchFullLogin({ rounds, logins: { postern: logins, ocserv: Math.ceil(logins / 10) }, warmUp: { postern: logins, ocserv: 50 }, concurrency: 16, say })),
    ],
  }
}

async function main(): Promise<void> {
  const all = parts()
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !(name in all))
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}; there is ${Object.keys(all).join(', ')}`)
  const reason = missing(['openconnect', 'ocserv', 'iperf3'])
  if (reason !== undefined) throw new Error(`the bench cannot run: ${reason}`)
  await buildLoad()
  const lines: Line[] = []
  for (const [name, part] of Object.entries(all)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    say(`${name}, ${setting('ROUNDS', 5)} rounds`)
    lines.push(...(await part()))
  }
  const version = async (command: string): Promise<string | undefined> => {
    const { stdout, stderr } = await run([command, '--version'])
    return /\d+\.\d+[\w.-]*/.exec(stdout + stderr)?.[0]
  }
  const [openconnect, ocserv] = [await version('openconnect'), await version('ocserv')]
  mkdirSync(resolve(RESULTS, '..'), { recursive: true })
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version, openssl: process.versions.openssl, openconnect, ocserv }
  writeFileSync(RESULTS, `${JSON.stringify({ at: new Date().toISOString(), machine, rounds: setting('ROUNDS', 5), lines }, null, 2)}\n`)
  say(`\nnode ${machine.node}, OpenSSL ${machine.openssl}, ocserv ${ocserv}, openconnect ${openconnect}, ${machine.cpus} x ${machine.model}`)
  say(table(lines))
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
