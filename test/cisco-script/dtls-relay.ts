import { resolve } from 'node:path'
import { Service, until } from '../lab/command.ts'
import { GATEWAY, type Host, type Lab } from '../lab/lab.ts'
import type { Order, Report } from './dtls-peer.ts'
import type { DialDtls } from './dtls-step.ts'

const ANSWER_MS = 8000

/** DTLS channels of this process that begin inside a client's namespace. */
export class DtlsRelay {
  #channels = 0
  #read = 0
  readonly #reports: Report[] = []
  /** Handshakes in which the gateway asked for a cookie, or chose extended master secret. */
  helloVerified = 0
  ems = 0

  private constructor(private readonly service: Service) {}

  static async start(lab: Lab, host: Host): Promise<DtlsRelay> {
    const service = new Service([process.execPath, ...process.execArgv, resolve(import.meta.dirname, 'dtls-peer.ts')], { namespace: host.namespace, cwd: resolve(import.meta.dirname, '../..') })
    lab.onReset(() => service.stop())
    await service.until('ready', () => service.stdout.includes('"ready"'))
    return new DtlsRelay(service)
  }

  /** For one script. */
  readonly dial: DialDtls = async ({ id, masterSecret, suite, port, ems }) => {
    const channel = ++this.#channels
    this.#order({ do: 'open', channel, address: GATEWAY.ipv4, port, id: id.toString('hex'), master: masterSecret.toString('hex'), suite, ems })
    const opened = await this.#next('opened', channel)
    if (opened?.saw !== 'opened' || !opened.up) return undefined
    this.helloVerified += Number(opened.helloVerified)
    this.ems += Number(opened.ems)
    return {
      send: (type, payload) => this.#order({ do: 'send', channel, type, payload: Buffer.from(payload ?? new Uint8Array()).toString('hex') }),
      receive: async () => {
        const record = await this.#next('record', channel)
        return record?.saw === 'record' ? { type: record.type, payload: Buffer.from(record.payload, 'hex') } : undefined
      },
      close: () => this.#order({ do: 'close', channel }),
    }
  }

  #order(order: Order): void {
    this.service.child.stdin?.write(`${JSON.stringify(order)}\n`)
  }
  #take(saw: Report['saw'], channel: number): Report | undefined {
    const lines = this.service.stdout.split('\n')
    for (; this.#read < lines.length - 1; this.#read++) this.#reports.push(JSON.parse(lines[this.#read] ?? '') as Report)
    const at = this.#reports.findIndex((report) => report.saw === saw && report.channel === channel)
    return at < 0 ? undefined : this.#reports.splice(at, 1)[0]
  }
  async #next(saw: Report['saw'], channel: number): Promise<Report | undefined> {
    return until(`${saw} on channel ${channel}`, () => this.#take(saw, channel), ANSWER_MS, () => this.service.stderr)
  }
}
