// Logs in as user0, user1 … at so many a second, each on a connection of its own, however long the answers take; inside a client's namespace.
//   radius-logins.ts SERVER COUNT RATE PASSWORD LOCAL-ADDRESS,…
// Prints one JSON line: by user the milliseconds from the password to the end of the dialogue, and failures by text.
import { AnyConnectConnection, login } from '../../lab/anyconnect.ts'

const [, , host = '', count = '0', rate = '1', password = '', locals = ''] = process.argv
const addresses = locals.split(',')
const took: Record<string, number> = {}
const failures = new Map<string, number>()

async function one(number: number): Promise<void> {
  const localAddress = addresses[number % addresses.length]
  const connection = await AnyConnectConnection.open({ host, ...(localAddress ? { localAddress } : {}) })
  const post = connection.post.bind(connection)
  let began = 0
  connection.post = (...request) => {
    began = performance.now()
    return post(...request)
  }
  try {
    await login(connection, { username: `user${number}`, password })
    took[`user${number}`] = performance.now() - began
  } finally {
    connection.socket.destroy()
  }
}

const began = performance.now()
await Promise.all(Array.from({ length: Number(count) }, async (_, number) => {
  await new Promise((done) => setTimeout(done, began + (1000 * number) / Number(rate) - performance.now()))
  try {
    await one(number)
  } catch (error) {
    const text = (error as Error).message
    failures.set(text, (failures.get(text) ?? 0) + 1)
  }
}))
process.stdout.write(`${JSON.stringify({ took, failures: Object.fromEntries(failures) })}\n`)
