import { Service, sleep, until } from './command.ts'
import type { Host } from './lab.ts'

/** What a steady ping saw. */
export interface Gap {
  /** Longest time between two answers, seconds; 0 with fewer than two. */
  readonly seconds: number
  readonly sent: number
  readonly lost: number
}

const EVERY_MS = 50
/** What was sent so late may still have been on its way when the ping ended. */
const ON_THE_WAY_MS = 300

/** Reads the lines of `ping -D`: the time of each answer, and the count at its end. */
export function gapOf(output: string, everyMs = EVERY_MS): Gap {
  const times = [...output.matchAll(/^\[(\d+\.\d+)\] .*\bicmp_seq=\d+\b.*\btime=/gm)].map(([, time]) => Number(time))
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? []
  let seconds = 0
  for (const [index, time] of times.entries()) seconds = Math.max(seconds, time - (times[index - 1] ?? time))
  const last = Math.max(0, ...[...output.matchAll(/\bicmp_seq=(\d+)\b.*\btime=/g)].slice(-1000).map(([, seq]) => Number(seq)))
  const late = Number(sent ?? 0) - last
  const onTheWay = last > 0 && late > 0 && late * everyMs <= ON_THE_WAY_MS ? late : 0
  return { seconds, sent: Number(sent ?? 0), lost: Number(sent ?? 0) - Number(received ?? 0) - onTheWay }
}

/** A ping, twenty times a second unless told, that goes on while a test does its worst. */
export class SteadyPing {
  private constructor(private readonly service: Service, private readonly everyMs: number) {}

  static async start(host: Host, address: string, everyMs = EVERY_MS): Promise<SteadyPing> {
    const ping = new SteadyPing(new Service(['ping', '-D', '-n', '-i', `${everyMs / 1000}`, '-W', '1', address], { namespace: host.namespace }), everyMs)
    await ping.flows()
    return ping
  }

  /** Waits until answers come again. */
  async flows(limitMs = 20_000): Promise<void> {
    const before = this.#answers()
    await until('answers to the ping', () => this.#answers() >= before + 3, limitMs, () => this.service.output.slice(-2000))
  }

  /** Ends it and prints one line: `name: gap 1.3 s, 4 of 600 lost`. */
  async stop(name: string): Promise<Gap> {
    // What is on its way may still be answered.
    await sleep(2 * EVERY_MS)
    const { stdout } = await this.service.stop('SIGINT')
    const gap = gapOf(stdout, this.everyMs)
    process.stdout.write(`${name}: gap ${gap.seconds.toFixed(gap.seconds < 1 ? 3 : 1)} s, ${gap.lost} of ${gap.sent} lost\n`)
    return gap
  }

  #answers(): number {
    return this.service.stdout.match(/\btime=/g)?.length ?? 0
  }
}
