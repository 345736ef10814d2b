/**
 * Runs the firewall in the network namespace that this process is in. Each line of standard input is a word, answered
 * with one line of JSON: the health entries that stand.
 *
 *   node --import tsx plugins/firewall/testing.ts DEVICE
 */
import { createInterface } from 'node:readline'
import type { GatewayConfig, Health, HealthEntry, Logger, OpenInfo } from '../../core/api.ts'
import { systemClock } from '../../core/api.ts'
import { Firewall } from './firewall.ts'
import { findNft, Nft } from './nft.ts'

const entries = new Map<string, HealthEntry>()
const health: Health = {
  raise: (code, severity, text) => void entries.set(code, { code, severity, text, since: '' }),
  clear: (code) => void entries.delete(code),
  list: () => [...entries.values()],
}
const line = (message: string, fields?: object): void => void process.stderr.write(`${message} ${JSON.stringify(fields ?? {})}\n`)
const log: Logger = { error: line, warn: line, info: line, debug: line, child: () => log }
const pools = new Map([['default', { name: 'default', ipv4: '10.20.0.0/16', ipv6: 'fd20::/64', quarantineSec: 0 }]])
const device = { device: process.argv[2] ?? '' } as OpenInfo
const firewall = new Firewall(new Nft(findNft() ?? 'nft'), { masquerade: true }, { pools, policy: {} } as unknown as GatewayConfig, health, systemClock, log)

for await (const word of createInterface({ input: process.stdin })) {
  if (word === 'up') await firewall.deviceUp(device)
  if (word === 'down') await firewall.deviceDown(device)
  if (word === 'stale') await firewall.removeStale()
  process.stdout.write(JSON.stringify(health.list()) + '\n')
}
