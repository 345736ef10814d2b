// The RADIUS client of the gateway by itself: so many requests, a fixed number of them under way. Inside the gateway's namespace.
//   radius-requests.ts HOST PORT SECRET COUNT CONCURRENCY
// Prints one JSON line: by user the milliseconds to the answer, requests a second, CPU microseconds each.
import { Secret, systemClock } from '../../../core/api.ts'
import { ListedHealth, TestLog } from '../../../core/testing.ts'
import { attribute } from '../../../plugins/auth-radius/attributes.ts'
import { RadiusClient } from '../../../plugins/auth-radius/client.ts'
import { Counters } from '../../../plugins/auth-radius/counters.ts'
import { pap } from '../../../plugins/auth-radius/credentials.ts'
import { CODE } from '../../../plugins/auth-radius/packet.ts'

const [, , host = '', port = '1812', secret = '', count = '0', concurrency = '1'] = process.argv
const server = { name: host, host, port: Number(port), accountingPort: Number(port), secret: new Secret(secret), requireMessageAuthenticator: 'yes', tls: undefined } as const
const client = new RadiusClient({ server: [server], balance: 'failover', timeout: 30 }, { clock: systemClock, counters: new Counters(), health: new ListedHealth(), log: new TestLog() })
const took: Record<string, number> = {}
let [next, failed] = [0, 0]

async function one(user: string): Promise<void> {
  const began = performance.now()
  const reply = await client.exchange({
    purpose: 'authentication', code: CODE.accessRequest,
    attributes: (authenticator, key) => [attribute('User-Name', user), ...(pap('a password')?.attributes(authenticator, key) ?? [])],
  })
  if (reply?.code === CODE.accessAccept) took[user] = performance.now() - began
  else failed++
}

const [began, before] = [performance.now(), process.cpuUsage()]
await Promise.all(Array.from({ length: Number(concurrency) }, async () => {
  while (next < Number(count)) await one(`user${next++}`)
}))
const { user, system } = process.cpuUsage(before)
client.close()
process.stdout.write(`${JSON.stringify({ took, failed, perSec: (1000 * Number(count)) / (performance.now() - began), cpuUs: (user + system) / Number(count) })}\n`)
