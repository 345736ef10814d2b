// test: limit=240
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`D13 after ${signal} and a new start users and sessions are still there and the client comes back by itself`, async (lab) => {
    const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
    const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
    const before = await gateway.session()
    client.forget('reconnect')
    const end = await gateway.stop(signal)
    if (signal === 'SIGTERM') assert.is(end.code, 0)
    assert.match(await gateway.must(['user', 'list']), /alice/, 'the command works without a gateway')
    await gateway.start()
    const rows = await gateway.sessions()
    assert.is(rows.length, 1)
    assert.is(rows[0]?.id, before.id)
    // openconnect tries at once, then every ten seconds and longer.
    await client.happened('reconnect', 40_000)
    const after = await until('the new tunnel', async () => {
      const session = await gateway.session()
      return session.state !== 'waiting' && session
    })
    assert.equal([after.id, after.ipv4, after.ipv6, after.createdAt], [before.id, before.ipv4, before.ipv6, before.createdAt])
    assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
    assert.is((await ping(lab.client, LAN.ipv6)).received, 3)
  })
}

test.run()
