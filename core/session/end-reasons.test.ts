import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DTLS_DOWN_REASONS, TUNNEL_DOWN_REASONS, type TunnelHandle } from '../dataplane.ts'
import { frame, FRAME } from '../../native/fake.ts'
import { DTLS_ENDS, goodbyeText, readGoodbye, SESSION_ENDS, TERMINATE_CAUSE, TUNNEL_ENDS } from './end-reasons.ts'
import type { EndCause } from './session.ts'
import { login, refusal, rigs } from './testing.ts'

const rig = rigs(test)

test('D15 every reason of the data plane and of the sessions is in the catalogue, in texts that fit', () => {
  assert.equal(Object.keys(TUNNEL_ENDS).sort(), [...TUNNEL_DOWN_REASONS, 'sent-round'].sort())
  assert.equal(Object.keys(DTLS_ENDS).sort(), [...DTLS_DOWN_REASONS].sort())
  for (const [cause, { text, said, terminateCause }] of Object.entries(SESSION_ENDS)) {
    assert.ok(Buffer.byteLength(text) <= 256 && !/\p{Cc}/u.test(text), cause)
    assert.ok(said.length > 0, cause)
    assert.ok(Object.values<number>(TERMINATE_CAUSE).includes(terminateCause), cause)
  }
  assert.is(new Set(Object.values(SESSION_ENDS).map(({ said }) => said)).size, Object.keys(SESSION_ENDS).length)
})

test('D15 client, log, listeners and audit hear the same reason of every end', async () => {
  for (const cause of Object.keys(SESSION_ENDS) as EndCause[]) {
    const one = rig()
    const session = one.table.create(login())
    const cookie = one.table.cookie(session)
    const client = await one.connect(session)
    one.table.end(session.id, cause)
    const [goodbye] = client.frames()
    assert.equal([goodbye?.type, goodbye?.payload.subarray(1).toString()], [FRAME.disconnect, SESSION_ENDS[cause].text])
    assert.equal(one.told.slice(2), [`down bob ${cause}`, `ended bob ${cause}`])
    const line = one.log.lines.find(({ message }) => message === 'session ended')
    assert.equal([line?.fields['cause'], line?.fields['why'], line?.fields['session']], [cause, SESSION_ENDS[cause].said, session.id])
    const [entry] = one.audit.list(1)
    assert.is(entry?.detail?.startsWith(`${cause}: ${SESSION_ENDS[cause].said}; 1 tunnels, `) ?? false, SESSION_ENDS[cause].audited)
    assert.equal(one.table.byCookie(cookie), { refused: 'terminated', ended: { id: session.id, user: 'bob', cause } })
  }
})

test('D15 a goodbye is told in the client\'s own words, bounded and printable', async () => {
  assert.equal([0xb0, 0x91, 0xd1, 0x70, 0x01].map((code) => readGoodbye(Buffer.of(code))), ['quit', 'reconnecting', 'paused', 'error', 'other'])
  assert.is(readGoodbye(Buffer.alloc(0)), 'other')
  assert.is(goodbyeText(Buffer.from('\xb0', 'latin1')), undefined)
  assert.is(goodbyeText(Buffer.from('\u007fa\nb\x1b[31m\u2028\u202ec')), 'a b [31m c')
  assert.is(goodbyeText(Buffer.from(`\x91${'x'.repeat(500)}`, 'latin1'))?.length, 200)
  const one = rig()
  const session = one.table.create(login())
  const client = await one.connect(session)
  client.write(frame(FRAME.disconnect, Buffer.from('\xd1Device went to sleep', 'latin1')))
  await one.plane.settled()
  const line = one.log.lines.find(({ message }) => message === 'tunnel down')
  assert.equal(line?.fields, { session: session.id, user: 'bob', reason: 'peer-disconnect', why: 'the client paused the tunnel', said: 'Device went to sleep' })
  assert.equal(session.lastEnd, { reason: 'peer-disconnect', at: one.clock.now(), text: 'the client paused the tunnel' })
})

test('D15 a tunnel that dies before it is up says why', async () => {
  const one = rig()
  const session = one.table.create(login())
  const client = await one.startTunnel(session)
  one.plane.failTunnel(1 as TunnelHandle, 'tls')
  // The data plane told "up" first; a connection that is gone already never comes up.
  await one.plane.settled()
  assert.is(session.lastEnd?.reason, 'tls')
  assert.ok(client.ended)
  one.plane.promote = ({ tunnel }) => one.table.reports.tunnelDown(tunnel, { reason: 'gone', detail: Buffer.alloc(0), counters: { ...zero } })
  await one.startTunnel(session)
  assert.is(session.lastEnd?.reason, 'gone')
  assert.is(session.state, 'waiting')
  assert.ok(one.log.lines.some(({ message, fields }) => message === 'tunnel did not come up' && fields['reason'] === 'gone'))
  assert.is(one.told.filter((line) => line.startsWith('down')).length, 1)
})

test('D10 what ended at the start of the gateway is known to its cookie too', async () => {
  const one = rig({ policy: { sessionTimeoutSec: 600 } })
  const session = one.table.create(login())
  const cookie = one.table.cookie(session)
  await one.connect(session)
  one.kill()
  one.clock.advance(700_000)
  const again = rig({ directory: one.directory, clock: one.clock, policy: { sessionTimeoutSec: 600 } })
  assert.equal(again.table.byCookie(cookie), { refused: 'expired', ended: { id: session.id, user: 'bob', cause: 'session-timeout' } })
  assert.is(refusal(again, cookie), 'expired')
  assert.match(again.audit.list(1)[0]?.detail ?? '', /^session-timeout: /)
})

const zero = {
  rxPackets: 0n, rxBytes: 0n, txPackets: 0n, txBytes: 0n, rxSpoofed: 0n, rxInvalid: 0n, txDropped: 0n, dtlsRxPackets: 0n, dtlsRxBytes: 0n, dtlsTxPackets: 0n, dtlsTxBytes: 0n,
  silentMs: 0n, inactiveMs: 0n,
}

test.run()
