/**
 * `make bench [ONLY=tls|login]`: Postern against Debian's ocserv on the same machine in the same run. Method: two labs,
 * both servers up all the time, the same certificate and tunnel MTU, rounds interleaved, medians and spread; only the
 * ratios of one run mean something.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { resolve } from 'node:path'
import { run } from '../lab/command.ts'
import { missing } from '../lab/suite.ts'
import { table, type Line } from './line.ts'
import { benchLogin } from './login.ts'
import { benchTls } from './tls.ts'

const RESULTS = resolve(import.meta.dirname, '../../bench/results.json')
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const rounds = Number(process.env.ROUNDS ?? 5)

const PARTS: Readonly<Record<string, () => Promise<Line[]>>> = {
  tls: () => benchTls({ rounds, seconds: 3, say }),
  login: () => benchLogin({ rounds, logins: { postern: 1500, ocserv: 300 }, warmUp: { postern: 4000, ocserv: 50 }, concurrency: 50, say }),
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !(name in PARTS))
  if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}; there is ${Object.keys(PARTS).join(', ')}`)
  const reason = missing(['openconnect', 'ocserv', 'iperf3'])
  if (reason !== undefined) throw new Error(`the bench cannot run: ${reason}`)
  const lines: Line[] = []
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    say(`${name}, ${rounds} rounds`)
    lines.push(...(await part()))
  }
  const version = async (command: string): Promise<string | undefined> => {
    const { stdout, stderr } = await run([command, '--version'])
    return /\d+\.\d+[\w.-]*/.exec(stdout + stderr)?.[0]
  }
  const [openconnect, ocserv] = [await version('openconnect'), await version('ocserv')]
  mkdirSync(resolve(RESULTS, '..'), { recursive: true })
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version, openssl: process.versions.openssl, openconnect, ocserv }
  writeFileSync(RESULTS, `${JSON.stringify({ at: new Date().toISOString(), machine, rounds, lines }, null, 2)}\n`)
  say(`\n${table(lines)}`)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
