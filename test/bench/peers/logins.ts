// Logs in and out, many at a time; runs inside a client's namespace. Prints one JSON line.
//   logins.ts SERVER COUNT CONCURRENCY USERS PASSWORD LOCAL-ADDRESS,…
// A login is: TLS 1.3, every form, CONNECT with its 200, BYE. Users are bench0, bench1 …; source addresses take turns.
import { AnyConnectConnection, login } from '../../lab/anyconnect.ts'

const [, , host = '', count = '0', concurrency = '1', users = '1', password = '', locals = ''] = process.argv
const addresses = locals.split(',')
let next = 0
let done = 0
const failures = new Map<string, number>()

async function one(number: number): Promise<void> {
  const localAddress = addresses[number % addresses.length]
  const connection = await AnyConnectConnection.open({ host, ...(localAddress ? { localAddress } : {}) })
  try {
    if (connection.socket.getProtocol() !== 'TLSv1.3') throw new Error(`negotiated ${connection.socket.getProtocol()}`)
    const cookie = await login(connection, { username: `bench${number % Number(users)}`, password })
    const answer = await connection.tunnel(cookie)
    if (answer.status !== 200) throw new Error(`CONNECT: ${answer.status} ${answer.statusText}`)
    await connection.bye()
  } finally {
    connection.socket.destroy()
  }
}

const started = Date.now()
await Promise.all(
  Array.from({ length: Number(concurrency) }, async () => {
    while (next < Number(count)) {
      try {
        await one(next++)
        done++
      } catch (error) {
        const text = (error as Error).message
        failures.set(text, (failures.get(text) ?? 0) + 1)
      }
    }
  }),
)
process.stdout.write(`${JSON.stringify({ done, ms: Date.now() - started, failures: Object.fromEntries(failures) })}\n`)
