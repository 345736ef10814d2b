import { z } from 'zod'
import { formatBytes, formatDuration, formatTime } from './format.ts'
import type { Color, Paint } from './paint.ts'
import { printable } from './printable.ts'

const Status = z.object({
  version: z.string(),
  uptimeSec: z.number().nullish(),
  sessions: z.object({ total: z.number(), dtls: z.number(), tls: z.number(), waiting: z.number() }).nullish(),
  listeners: z.array(z.object({ address: z.string(), port: z.number() })).nullish(),
  udp: z.array(z.unknown()).nullish(),
  throughput: z.object({ rxBytes: z.number(), txBytes: z.number() }).nullish(),
  plugins: z.array(z.object({ name: z.string(), state: z.string(), reason: z.string().nullish() })),
  health: z.array(z.object({ severity: z.string(), text: z.string(), since: z.string() })),
})

const COLORS: Readonly<Record<string, Color>> = { error: 'red', warning: 'yellow', info: 'dim' }

/** `postern status` at a glance; undefined when the data has another shape. */
export function renderStatus(data: unknown, paint: Paint): string | undefined {
  const parsed = Status.safeParse(data)
  if (!parsed.success) return undefined
  const { version, uptimeSec, listeners, udp, sessions, throughput, plugins, health } = parsed.data
  const row = (title: string, text: string): string => `${paint('bold', title.padEnd(11))}${text}`
  const lines = [row('postern', `${printable(version)}${typeof uptimeSec === 'number' ? `, up ${formatDuration(uptimeSec)}` : ''}`)]
  if (listeners) lines.push(row('listening', `${listeners.map(({ address, port }) => `${address.includes(':') ? `[${printable(address)}]` : printable(address)}:${port}`).join(', ') || 'nowhere'}${udp ? (udp.length === 0 ? ', TLS only' : ', TLS and DTLS') : ''}`))
  if (sessions) {
    const parts = (['dtls', 'tls', 'waiting'] as const).filter((state) => sessions[state] > 0).map((state) => `${sessions[state]} ${state}`)
    lines.push(row('sessions', `${sessions.total}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`))
  }
  if (throughput) lines.push(row('traffic', `${formatBytes(throughput.rxBytes)} from clients, ${formatBytes(throughput.txBytes)} to clients`))
  const running = plugins.filter((plugin) => !plugin.reason).map((plugin) => printable(plugin.name))
  lines.push(row('plugins', running.join(', ') || 'none'))
  for (const plugin of plugins.filter((one) => one.reason)) lines.push(row('', paint(plugin.state === 'failed' ? 'red' : 'dim', printable(`${plugin.name} ${plugin.state}: ${plugin.reason}`))))
  if (health.length === 0) lines.push(row('health', paint('green', 'good')))
  health.forEach(({ severity, text, since }, at) => {
    lines.push(row(at === 0 ? 'health' : '', `${paint(COLORS[severity] ?? 'bold', printable(severity))}: ${printable(text)} ${paint('dim', `(since ${formatTime(since)})`)}`))
  })
  return lines.join('\n') + '\n'
}
