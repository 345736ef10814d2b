// The RADIUS client of the gateway by itself: so many requests a second, however long the answers take. Inside the gateway's namespace.
//   radius-requests.ts HOST PORT SECRET COUNT RATE
// Prints one JSON line: by user the milliseconds to the answer, how many failed, CPU microseconds each.
import { Secret, systemClock } from '../../../core/api.ts'
import { ListedHealth, TestLog } from '../../../core/testing.ts'
import { attribute } from '../../../plugins/auth-radius/attributes.ts'
import { RadiusClient } from '../../../plugins/auth-radius/client.ts'
import { Counters } from '../../../plugins/auth-radius/counters.ts'
import { pap } from '../../../plugins/auth-radius/credentials.ts'
import { CODE } from '../../../plugins/auth-radius/packet.ts'

const [, , host = '', port = '1812', secret = '', count = '0', rate = '1'] = process.argv
const server = { name: host, host, port: Number(port), accountingPort: Number(port), secret: new Secret(secret), requireMessageAuthenticator: 'yes', tls: undefined } as const
const client = new RadiusClient({ server: [server], balance: 'failover', timeout: 30 }, { clock: systemClock, counters: new Counters(), health: new ListedHealth(), log: new TestLog() })
const took: Record<string, number> = {}
let failed = 0

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
await Promise.all(Array.from({ length: Number(count) }, async (_, number) => {
  await new Promise((done) => setTimeout(done, began + (1000 * number) / Number(rate) - performance.now()))
  await one(`user${number}`)
}))
const { user, system } = process.cpuUsage(before)
client.close()
process.stdout.write(`${JSON.stringify({ took, failed, cpuUs: (user + system) / Number(count) })}\n`)
