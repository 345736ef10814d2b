// DTLS clients inside a client's namespace: run by `dtls-relay.ts`, one JSON line for each order and for each thing seen.
import { createInterface } from 'node:readline'
import { DtlsClient } from '../native/dtls_client.ts'

export type Order =
  | { readonly do: 'open'; readonly channel: number; readonly address: string; readonly port: number; readonly id: string; readonly master: string; readonly suite: string; readonly ems: boolean }
  | { readonly do: 'send'; readonly channel: number; readonly type: number; readonly payload: string }
  | { readonly do: 'close'; readonly channel: number }
export type Report =
  | { readonly saw: 'opened'; readonly channel: number; readonly up: boolean; readonly helloVerified: boolean; readonly ems: boolean }
  | { readonly saw: 'record'; readonly channel: number; readonly type: number; readonly payload: string }

const LOOK_MS = 5
const report = (line: Report | { readonly saw: 'ready' }): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
const channels = new Map<number, { readonly client: DtlsClient; told: number }>()

async function obey(order: Order): Promise<void> {
  const { channel } = order
  if (order.do === 'open') {
    const { address, port, id, master, suite, ems } = order
    const client = await DtlsClient.connect({ address, port, id: Buffer.from(id, 'hex'), key: { master: Buffer.from(master, 'hex') }, ciphers: [suite], ems, limitMs: 5000 })
    if (client) channels.set(channel, { client, told: 0 })
    return report({ saw: 'opened', channel, up: client !== undefined, helloVerified: client?.helloVerified ?? false, ems: client?.ems ?? false })
  }
  const client = channels.get(channel)?.client
  if (order.do === 'send') return client?.write(order.type, Buffer.from(order.payload, 'hex'))
  client?.end()
  channels.delete(channel)
}

setInterval(() => {
  for (const [channel, one] of channels) {
    const records = one.client.records()
    for (; one.told < records.length; one.told++) {
      const { type = 0, payload } = records[one.told] ?? {}
      report({ saw: 'record', channel, type, payload: payload?.toString('hex') ?? '' })
    }
  }
}, LOOK_MS)
createInterface(process.stdin).on('line', (line) => void obey(JSON.parse(line) as Order)).on('close', () => process.exit(0))
report({ saw: 'ready' })
