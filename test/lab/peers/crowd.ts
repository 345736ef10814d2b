// Scripted clients of one address; runs inside a client's namespace. JSON lines on standard output.
//   crowd.ts resume HOST USERS PASSWORD SESSIONS INTERVAL-MS
//       Opens tunnels, says {"ready":N}; each that loses its tunnel comes back with its cookie at once, then after INTERVAL-MS,
//       twice that and so on. Says {"back","moved","refused","disconnects","attempts"} when all are back or refused, and stays.
//   crowd.ts tell HOST USERS PASSWORD LANES FIRST-USER
//       Logs in and opens tunnels without end; a line for each thing that it was told: {"cookie"}, then {"cookie","ipv4","ipv6"}.
//       Ends when the gateway has gone.
//   crowd.ts check HOST
//       Takes such lines on standard input, opens a tunnel with each cookie: {"index","status","ipv4","ipv6"}.
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { AnyConnectConnection, header, login, type HttpAnswer } from '../anyconnect.ts'

const [, , command = '', host = '', users = '1', password = '', ...rest] = process.argv
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
const user = (number: number): string => `bench${number % Number(users)}`
const DISCONNECT = 5

interface Addresses {
  readonly ipv4: string
  readonly ipv6: string
}
const addressesOf = (answer: HttpAnswer): Addresses => ({ ipv4: header(answer, 'X-CSTP-Address') ?? '', ipv6: header(answer, 'X-CSTP-Address-IP6') ?? '' })

async function tunnel(cookie: string, connection?: AnyConnectConnection): Promise<{ readonly answer: HttpAnswer; readonly connection: AnyConnectConnection }> {
  const own = connection ?? (await AnyConnectConnection.open({ host }))
  try {
    return { answer: await own.tunnel(cookie), connection: own }
  } catch (error) {
    own.socket.destroy()
    throw error
  }
}

/** Runs `work` for 0 … count - 1, `lanes` at a time. */
async function each(count: number, lanes: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: lanes }, async () => {
    while (next < count) await work(next++)
  }))
}

async function resume(sessions: number, intervalMs: number): Promise<void> {
  const open: { cookie: string; connection: AnyConnectConnection; addresses: Addresses }[] = []
  await each(sessions, 8, async (index) => {
    const connection = await AnyConnectConnection.open({ host })
    const cookie = await login(connection, { username: user(index), password })
    const { answer } = await tunnel(cookie, connection)
    if (answer.status !== 200) throw new Error(`CONNECT: ${answer.status}`)
    open.push({ cookie, connection, addresses: addressesOf(answer) })
  })
  say({ ready: open.length })
  const seen = { back: 0, moved: 0, refused: 0, disconnects: 0, attempts: 0 }
  await Promise.all(open.map(async ({ cookie, connection, addresses }) => {
    await new Promise((done) => connection.socket.once('close', done))
    if (connection.rest[6] === DISCONNECT) seen.disconnects++
    for (let attempt = 1; ; attempt++) {
      seen.attempts++
      try {
        const { answer, connection: renewed } = await tunnel(cookie)
        if (answer.status === 401) {
          seen.refused++
          return
        }
        if (answer.status === 200) {
          renewed.socket.on('error', () => undefined)
          seen.back++
          if (JSON.stringify(addressesOf(answer)) !== JSON.stringify(addresses)) seen.moved++
          return
        }
      } catch (error) {
        if (attempt === 20) throw error
      }
      await sleep(attempt * intervalMs)
    }
  }))
  say(seen)
}

async function tell(lanes: number, first: number): Promise<void> {
  let next = first
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (;;) {
      try {
        const connection = await AnyConnectConnection.open({ host })
        const cookie = await login(connection, { username: user(next++), password })
        say({ cookie })
        const { answer } = await tunnel(cookie, connection)
        if (answer.status !== 200) throw new Error(`CONNECT: ${answer.status}`)
        say({ cookie, ...addressesOf(answer) })
      } catch {
        return // the gateway has gone: what it said before counts
      }
    }
  }))
  process.exit()
}

async function check(): Promise<void> {
  const lines = (await text(process.stdin)).trim().split('\n').map((line) => JSON.parse(line) as { readonly cookie: string })
  await each(lines.length, 8, async (index) => {
    const { answer, connection } = await tunnel(lines[index]?.cookie ?? '')
    say({ index, status: answer.status, ...addressesOf(answer) })
    connection.socket.destroy()
  })
}

if (command === 'resume') await resume(Number(rest[0]), Number(rest[1]))
else if (command === 'tell') await tell(Number(rest[0]), Number(rest[1]))
else await check()
