import { resolve } from 'node:path'
import { must, Service } from './command.ts'
import { GATEWAY, type Host, type Lab } from './lab.ts'

const ARGV = [process.execPath, '--import', 'tsx', resolve(import.meta.dirname, 'peers/crowd.ts')]
const ROOT = resolve(import.meta.dirname, '../..')

/** Users `bench0` … of the gateway. */
export interface CrowdUsers {
  readonly count: number
  readonly password: string
}

/** What a gateway told a client: that its cookie is good, and, behind CONNECT, its addresses. */
export interface Told {
  readonly cookie: string
  readonly ipv4?: string
  readonly ipv6?: string
}

export interface Resumed {
  readonly back: number
  readonly moved: number
  readonly refused: number
  readonly disconnects: number
  readonly attempts: number
}

const start = (lab: Lab, host: Host, command: string, users: CrowdUsers, words: readonly number[]): Service => {
  const service = new Service([...ARGV, command, GATEWAY.ipv4, `${users.count}`, users.password, ...words.map(String)], { namespace: host.namespace, cwd: ROOT })
  lab.onReset(() => service.stop('SIGKILL'))
  return service
}
const lines = (text: string): readonly string[] => text.slice(0, text.lastIndexOf('\n') + 1).split('\n').filter((line) => line !== '')

/** Scripted clients of one address that come back whenever their tunnel ends. */
export class Crowd {
  private constructor(private readonly service: Service) {}

  static async start(lab: Lab, host: Host, users: CrowdUsers, sessions: number, intervalMs: number): Promise<Crowd> {
    const crowd = new Crowd(start(lab, host, 'resume', users, [sessions, intervalMs]))
    await crowd.service.until('all tunnels', () => lines(crowd.service.stdout).length > 0, 60_000)
    return crowd
  }

  async resumed(limitMs: number): Promise<Resumed> {
    return this.service.until('all to be back', () => {
      const [, line] = lines(this.service.stdout)
      return line === undefined ? undefined : (JSON.parse(line) as Resumed)
    }, limitMs)
  }
}

/** Logs in and opens tunnels until the gateway has gone; `told` grows meanwhile. */
export function startTelling(lab: Lab, host: Host, users: CrowdUsers, lanes: number, firstUser: number): { told(): readonly Told[]; readonly ended: Promise<unknown> } {
  const service = start(lab, host, 'tell', users, [lanes, firstUser])
  return { told: () => lines(service.stdout).map((line) => JSON.parse(line) as Told), ended: service.ended }
}

/** Opens a tunnel with each cookie: status and addresses, in the same order. */
export async function checkTold(host: Host, told: readonly Told[]): Promise<readonly (Told & { readonly status: number })[]> {
  const input = told.map((each) => `${JSON.stringify(each)}\n`).join('')
  const output = await must([...ARGV, 'check', GATEWAY.ipv4], { namespace: host.namespace, cwd: ROOT, input, limitMs: 60_000 })
  const answers = lines(output).map((line) => JSON.parse(line) as Told & { readonly index: number; readonly status: number })
  return answers.sort((a, b) => a.index - b.index)
}
