import { resolve } from 'node:path'
import { Service } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, Lab } from '../lab/lab.ts'
import { line, type Line } from './line.ts'
import { load } from './load/load.ts'
import { spread } from './statistics.ts'
import { PASSWORD } from './tcp.ts'

export interface GuardBenchOptions {
  readonly rounds: number
  readonly say: (text: string) => void
}

/** Bad logins a second, and the addresses they come from. */
const RATE = 200
const SOURCES = Array.from({ length: 40 }, (_, index) => `10.77.0.${100 + index}`)
const RECONNECTS = 100
const ROOT = resolve(import.meta.dirname, '../..')
const PEER = resolve(import.meta.dirname, 'peers/bad-logins.ts')

/** How long a cookie takes to become a tunnel again while somebody tries passwords: with the guard, and where it lets all of them be judged. */
export async function benchGuard({ rounds, say }: GuardBenchOptions): Promise<Line[]> {
  const lab = await Lab.open({ clients: 2 })
  const took: Record<'quiet' | 'guarded' | 'judged', number[]> = { quiet: [], guarded: [], judged: [] }
  const worst: typeof took = { quiet: [], guarded: [], judged: [] }
  try {
    const gateway = await Gateway.start(lab, { users: { bench0: PASSWORD }, config: { firewall: { masquerade: false } } })
    const [office, attacker] = lab.clients
    if (!office || !attacker) throw new Error('the lab has too few clients')
    await attacker.batch('ip', SOURCES.map((address) => `address add ${address}/24 dev eth0\n`).join(''))
    await lab.gateway.batch('ip', SOURCES.map((address) => `route add ${address}/32 dev c1\n`).join(''))
    const measure = async (how: keyof typeof took): Promise<string> => {
      const result = await load<{ readonly ok: boolean; readonly medianMs: number; readonly p99Ms: number }>(office, 'resume', { user: 'bench0', password: PASSWORD, args: ['--count', `${RECONNECTS}`], limitMs: 120_000 })
      if (!result.ok) throw new Error(JSON.stringify(result))
      took[how].push(result.medianMs)
      worst[how].push(result.p99Ms)
      return `${result.medianMs.toFixed(2)} ms (p99 ${result.p99Ms.toFixed(1)} ms)`
    }
    await measure('quiet')
    took.quiet.length = worst.quiet.length = 0
    for (let round = 0; round < rounds; round++) {
      for (const how of ['quiet', 'guarded', 'judged'] as const) {
        gateway.configure({ firewall: { masquerade: false }, 'login-guard': how === 'judged' ? { allow: ['10.77.0.0/24'] } : {} })
        await gateway.must(['reload'])
        const attack = how === 'quiet' ? undefined : new Service([process.execPath, '--import', 'tsx', PEER, GATEWAY.ipv4, `${RATE}`, SOURCES.join(',')], { namespace: attacker.namespace, cwd: ROOT })
        await attack?.until('the first refusal', () => attack.stdout.includes('ready'))
        const figures = await measure(how)
        const end = await attack?.stop()
        say(`  round ${round + 1} ${how.padEnd(7)} ${figures} ${end?.stdout.trim().split('\n').at(-1) ?? ''}`)
      }
    }
  } finally {
    await lab.close()
  }
  const told = { quiet: 'nobody else there', guarded: `${RATE} bad logins a second`, judged: `${RATE} bad logins a second, none of them banned` }
  return (['quiet', 'guarded', 'judged'] as const).flatMap((how) => [
    line(`reconnect with a valid cookie, ${told[how]}`, 'ms', 'less', { postern: spread(took[how]) }, how === 'quiet' ? undefined : { must: 200, hard: 20, of: 'figure' }),
    line(`  the slowest of a hundred, ${told[how]}`, 'ms', 'less', { postern: spread(worst[how]) }),
  ])
}
