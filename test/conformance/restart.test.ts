// test: limit=240 alone
import * as assert from 'uvu/assert'
import { sleep, until } from '../lab/command.ts'
import { AnyConnectConnection } from '../lab/anyconnect.ts'
import { addCheapUsers } from '../bench/cheap-users.ts'
import { checkTold, Crowd, startTelling, type Told } from '../lab/crowd.ts'
import { SteadyPing } from '../lab/gap.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'], clients: 2 })
const PASSWORD = 'correct horse 9'
const ROUNDS = 5
const USERS = { count: 50, password: PASSWORD }
const names = Array.from({ length: USERS.count }, (_, index) => `bench${index}`)

async function prepare(lab: Lab): Promise<Gateway> {
  const gateway = await Gateway.prepare(lab, { users: { alice: PASSWORD } })
  await addCheapUsers(gateway, names, PASSWORD)
  await gateway.start()
  return gateway
}
const logins = async (gateway: Gateway): Promise<number> =>
  (JSON.parse(await gateway.must(['audit', '--limit', '10000', '--json'])) as readonly { readonly action: string }[]).filter(({ action }) => action === 'login').length

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`D13 after ${signal} and a new start one real and 200 scripted clients of one address come back by themselves: no login, the same addresses`, async (lab) => {
    const gateway = await prepare(lab)
    const host = lab.clients[1] ?? lab.client
    const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
    const pings = await SteadyPing.start(lab.client, LAN.ipv4)
    const crowd = await Crowd.start(lab, host, USERS, 200, 1000)
    const relay = await Relay.start(lab, host)
    // People in the middle of a login.
    const logingIn = await Promise.all(Array.from({ length: 10 }, async () => {
      const connection = new AnyConnectConnection(await relay.tls(), GATEWAY.ipv4)
      await connection.post('/', '<config-auth client="vpn" type="init"><version who="vpn">v9.01-3</version></config-auth>', '')
      return connection
    }))
    const alices = async () => (await gateway.sessions()).find(({ user }) => user === 'alice')
    const before = await alices()
    client.forget('reconnect')
    const asked = Date.now()
    const end = await gateway.stop(signal)
    if (signal === 'SIGTERM') assert.is(end.code, 0)
    assert.ok(Date.now() - asked < 5000, 'it ends within five seconds')
    assert.match(await gateway.must(['user', 'list']), /alice/, 'the command works without a gateway')
    await gateway.start()
    const rows = await gateway.sessions()
    assert.is(rows.length, 201)
    const resumed = await crowd.resumed(30_000)
    assert.equal({ ...resumed, attempts: 0 }, { back: 200, moved: 0, refused: 0, disconnects: 0, attempts: 0 })
    // openconnect tries at once, then every ten seconds and longer.
    await client.happened('reconnect', 40_000)
    const after = await until('the new tunnel', async () => {
      const session = await alices()
      return session && session.state !== 'waiting' && session
    })
    assert.equal([after.id, after.ipv4, after.ipv6, after.createdAt], [before?.id, before?.ipv4, before?.ipv6, before?.createdAt])
    await pings.flows()
    assert.is((await ping(lab.client, LAN.ipv6)).received, 3)
    assert.is(await logins(gateway), 201, 'nobody was asked for a password again')
    await pings.stop(`${signal} and a new start, 201 clients back after ${resumed.attempts} attempts`)
    for (const { socket } of logingIn) socket.destroy()
  })
}

test('D13 kill -9 at any moment of logins and claims: what a client was told before is true after it', async (lab) => {
  const gateway = await prepare(lab)
  const held = new Map<string, Told>()
  for (let round = 0; round < ROUNDS; round++) {
    const telling = startTelling(lab, lab.client, USERS, 4, round * 6)
    await until('a first word', () => telling.told().length > 0)
    await sleep(Math.random() * 500)
    await gateway.stop('SIGKILL')
    await telling.ended
    for (const told of telling.told()) held.set(told.cookie, told)
    await gateway.start()
  }
  const all = [...held.values()]
  const answers = await checkTold(lab.client, all)
  for (const [index, { ipv4, ipv6 }] of all.entries()) {
    const answer = answers[index]
    assert.is(answer?.status, 200, 'a cookie is dead')
    if (ipv4 !== undefined) assert.equal([answer?.ipv4, answer?.ipv6], [ipv4, ipv6], 'other addresses')
  }
  for (const family of ['ipv4', 'ipv6'] as const) assert.is(new Set(answers.map((answer) => answer[family])).size, all.length, 'an address twice')
  assert.ok(all.length >= ROUNDS, `${all.length} sessions`)
  process.stdout.write(`${all.length} sessions after ${ROUNDS} times kill -9\n`)
})

test.run()
