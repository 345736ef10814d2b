import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../native/fake.ts'
import { connectText, INIT, login, portFixture, replyTo } from './testing.ts'

test('G03 a password login over init, form, reply and complete, then CONNECT and a packet each way', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const form = await client.post('/', INIT)
  assert.is(form.status, 200)
  assert.is(form.header('X-Aggregate-Auth'), '1')
  assert.is(form.header('X-Transcend-Version'), '1')
  assert.match(form.body, /type="auth-request"/)
  assert.not.match(form.body, /<select/)
  const done = await client.post('/', replyTo(form.body, { username: 'test', password: 'test123' }))
  assert.match(done.body, /type="complete"/)
  const token = /<session-token>([^<]+)</.exec(done.body)?.[1] ?? ''
  assert.is(client.cookies.get('webvpn'), token)
  const tunnel = fixture.connect()
  const answer = await tunnel.raw(connectText(token))
  assert.is(answer?.statusLine, 'HTTP/1.1 200 OK')
  assert.is(answer?.header('X-CSTP-Address'), '10.20.0.5')
  tunnel.wire.write(frame(FRAME.data, packet('10.20.0.5', '10.20.0.1', 'up')))
  await fixture.plane.settled()
  assert.is(fixture.plane.tun.length, 1)
  assert.is(fixture.plane.injectTun(packet('10.20.0.1', '10.20.0.5', 'down')), 'sent')
  assert.is(tunnel.wire.frames().length, 1)
  assert.is(fixture.sessions.live, 1)
  fixture.stop()
})

test('login() of the fixture works twice on one connection', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  assert.is.not(await login(client), await login(client))
  fixture.stop()
})

test.run()
