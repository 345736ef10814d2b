// Tries wrong passwords, so many a second, each on a connection of its own; runs inside a client's namespace until SIGTERM.
//   bad-logins.ts SERVER RATE LOCAL-ADDRESS,…
// Prints `ready` when the first is refused and, at the end, one JSON line. Names are guess0, guess1 …; source addresses take turns.
import { AnyConnectConnection, login } from '../../lab/anyconnect.ts'

const [, , host = '', rate = '1', locals = ''] = process.argv
const addresses = locals.split(',')
/** Beyond that the gateway does not keep up, and more connections would only measure this machine. */
const MOST_OPEN = 400
const TICK_MS = 20
const texts = new Map<string, number>()
const began = Date.now()
let [sent, open, skipped] = [0, 0, 0]

async function one(number: number): Promise<void> {
  open++
  let text = 'let in'
  try {
    const localAddress = addresses[number % addresses.length]
    const connection = await AnyConnectConnection.open({ host, ...(localAddress ? { localAddress } : {}) })
    try {
      await login(connection, { username: `guess${number % 1000}`, password: `wrong ${number}` })
    } finally {
      connection.socket.destroy()
    }
  } catch (error) {
    text = (error as Error).message.replace(/\d+/g, 'N')
  }
  open--
  if (texts.size === 0) process.stdout.write('ready\n')
  texts.set(text, (texts.get(text) ?? 0) + 1)
}

const timer = setInterval(() => {
  for (const due = ((Date.now() - began) * Number(rate)) / 1000; sent < due; sent++) {
    if (open < MOST_OPEN) void one(sent)
    else skipped++
  }
}, TICK_MS)
process.on('SIGTERM', () => {
  clearInterval(timer)
  process.stdout.write(`${JSON.stringify({ sent, skipped, seconds: (Date.now() - began) / 1000, texts: Object.fromEntries(texts) })}\n`)
  process.exit(0)
})
