import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, Secret, type Session } from '../../core/api.ts'
import { FRAME } from '../../native/fake.ts'
import { login, SessionRig } from '../../core/session/testing.ts'
import { AnsweredRequests, KEPT_MS, MAX_ANSWERED } from './answered-requests.ts'
import { attribute, flatten, valueOf, type Found } from './attributes.ts'
import type { ServerConfig } from './config.ts'
import { DynamicAuthorization, WINDOW_SEC } from './dynamic-authorization.ts'
import { DynamicListener } from './dynamic-listener.ts'
import { DynamicSources } from './dynamic-sources.ts'
import { BURST } from './request-rate.ts'
import { CODE, decodePacket, encodeRequest, proveResponse, type Attribute } from './packet.ts'

const test = suite('dynamic authorization')
const made: Bench[] = []
test.after.each(() => made.splice(0).forEach((bench) => bench.rig.stop()))

const server = (host: string, secret = 'testing123', more: Partial<ServerConfig> = {}): ServerConfig =>
  ({ name: `${host}:1812`, host, port: 1812, accountingPort: 1813, secret: new Secret(secret), requireMessageAuthenticator: 'auto', tls: undefined, ...more })
const SERVER = '10.0.0.5'
interface Sending {
  readonly from?: string
  readonly secret?: string
  readonly signed?: boolean
  readonly id?: number
}

/** What servers say to a session table. Of attributes that may change there is Session-Timeout, where more than a day is refused. */
class Bench {
  readonly rig = new SessionRig()
  readonly dynamic: DynamicAuthorization
  private id = 0

  constructor(servers: readonly ServerConfig[] = [server(SERVER), server('10.0.0.6', 'other', { requireMessageAuthenticator: 'yes' })]) {
    const { audit, clock, log, table } = this.rig
    const sources = new DynamicSources({ clock, servers: () => servers, resolve: () => Promise.resolve([]) })
    this.dynamic = new DynamicAuthorization({
      audit, clock, log, sessions: table, serversAt: (address) => sources.at(address),
      nas: () => ({ identifier: 'gw1', isOwnAddress: (address) => address === '10.0.0.1' }),
      ticketOf: ({ ticket }) => (ticket === undefined ? undefined : { user: 'bob@corp', classes: [Buffer.from('staff')] }),
      supported: (name) => name === 'Session-Timeout' || name === 'MS-Primary-DNS-Server',
      policyOf: (found: readonly Found[]) => {
        const [timeout, dns] = [valueOf(found, 'Session-Timeout'), valueOf(found, 'MS-Primary-DNS-Server')]
        return timeout !== undefined && timeout > 86_400 ? { values: {}, problems: ['Session-Timeout is too long'] } : { values: { ...(timeout !== undefined && { sessionTimeoutSec: timeout }), ...(dns !== undefined && { dns: [dns] }) }, problems: [] }
      },
    })
    made.push(this)
  }
  login(user = 'bob', ticket = 'x'): Session {
    const one = login(user)
    return this.rig.table.create({ ...one, identity: { ...one.identity, ...(ticket !== '' && { ticket, attributes: { origin: 'radius', values: { mtu: 1300 } } }) } })
  }
  request(code: number, attributes: readonly Attribute[], { secret = 'testing123', signed, id = ++this.id % 256 }: Sending = {}): Buffer {
    return encodeRequest({ code, id, attributes, ...(signed !== undefined && { signed }) }, Buffer.from(secret))
  }
  /** Code of the answer and its Error-Cause; undefined: none. */
  send(code: number, attributes: readonly Attribute[], sending: Sending = {}): readonly [number, number | undefined] | undefined {
    return this.say(this.request(code, attributes, sending), sending)
  }
  say(bytes: Uint8Array, { from = SERVER, secret = 'testing123' }: Sending = {}): readonly [number, number | undefined] | undefined {
    const answer = this.dynamic.handle(bytes, from)
    if (!answer) return undefined
    const packet = decodePacket(answer)
    assert.ok(packet && proveResponse(packet, bytes.subarray(4, 20), Buffer.from(secret)) === 'signed')
    return [packet.code, valueOf(flatten(packet.attributes), 'Error-Cause')]
  }
}
const { coaRequest: COA, disconnectRequest: DISCONNECT } = CODE
const ACK = [CODE.disconnectAck, undefined]
const coaNak = (cause: number): unknown => [CODE.coaNak, cause]
const disconnectNak = (cause: number): unknown => [CODE.disconnectNak, cause]

test('G23 a Disconnect-Request ends the sessions that it names, with its text, and no others', async () => {
  const bench = new Bench()
  const [one, two, other] = [bench.login(), bench.login(), bench.login('eve')]
  const client = await bench.rig.connect(one)
  assert.equal(bench.send(DISCONNECT, [attribute('Acct-Session-Id', one.id), attribute('Reply-Message', 'The lesson\nis over.')]), ACK)
  const [goodbye] = client.frames()
  assert.equal([goodbye?.type, goodbye?.payload.subarray(1).toString()], [FRAME.disconnect, 'The lesson is over.'])
  assert.is(bench.rig.told.at(-1), 'ended bob withdrawn')
  const last = bench.login()
  assert.equal(bench.send(DISCONNECT, [attribute('User-Name', 'BOB')]), ACK)
  assert.equal([one, two, last, other].map(({ id }) => bench.rig.table.get(id) !== undefined), [false, false, false, true])
  assert.ok(bench.rig.audit.list(9).some(({ action, actor, subject }) => action === 'session.withdraw' && actor === 'radius 10.0.0.5' && subject === 'bob'))
})

test('all that a request names must be the session\'s', async () => {
  const bench = new Bench()
  const session = bench.login()
  await bench.rig.connect(session)
  const address = session.leases.ipv4?.address ?? ''
  const address6 = session.leases.ipv6?.address ?? ''
  const right = [attribute('User-Name', 'bob@corp'), attribute('Framed-IP-Address', address), attribute('Framed-IPv6-Address', address6), attribute('Calling-Station-Id', '192.0.2.1'), attribute('Class', Buffer.from('staff')), attribute('NAS-Identifier', 'gw1'), attribute('NAS-IP-Address', '10.0.0.1')]
  const wrong: readonly Attribute[] = [attribute('User-Name', 'eve'), attribute('Framed-IP-Address', '10.20.0.99'), attribute('Framed-IPv6-Address', 'fd20::99'), attribute('Calling-Station-Id', '192.0.2.9'), attribute('Class', Buffer.from('guest'))]
  wrong.forEach((one, at) => assert.equal(bench.send(DISCONNECT, right.with(at, one)), disconnectNak(503), `attribute ${one.type}`))
  assert.equal(bench.send(DISCONNECT, right.with(5, attribute('NAS-Identifier', 'gw2'))), disconnectNak(403))
  assert.equal(bench.send(DISCONNECT, right.with(6, attribute('NAS-IP-Address', '10.0.0.2'))), disconnectNak(403))
  assert.equal(bench.send(DISCONNECT, [attribute('NAS-Identifier', 'gw1')]), disconnectNak(402), 'everybody is not a session')
  assert.equal(bench.send(DISCONNECT, [attribute('Acct-Session-Id', session.id), attribute('Acct-Multi-Session-Id', 'x')]), disconnectNak(404))
  assert.ok(bench.rig.table.get(session.id))
  assert.equal(bench.send(DISCONNECT, right), ACK)
  const local = bench.login('eve', '')
  assert.equal(bench.send(DISCONNECT, [attribute('User-Name', 'eve')]), disconnectNak(503), 'who logged in elsewhere is not theirs')
  assert.ok(bench.rig.table.get(local.id))
})

test('G23 a CoA-Request is in force at once, beside what was said at the login', async () => {
  const bench = new Bench()
  const session = bench.login()
  await bench.rig.connect(session)
  assert.equal(bench.send(COA, [attribute('Acct-Session-Id', session.id), attribute('Session-Timeout', 600), attribute('MS-Primary-DNS-Server', '10.0.0.53')]), [CODE.coaAck, undefined])
  const { values, origins } = session.policy
  assert.equal([values.sessionTimeoutSec, values.dns, values.mtu, origins.sessionTimeoutSec], [600, ['10.0.0.53'], 1300, 'radius 10.0.0.5'])
  assert.is(session.expiresAt, session.createdAt + 600_000)
  const line = bench.rig.log.lines.find(({ message }) => message === 'a RADIUS server has changed a session')
  assert.is(line?.fields['what'], 'in force: session-timeout; with the client\'s next CONNECT or login: dns')
})

test('what cannot be done is refused with its cause, and nothing of it happens', async () => {
  const bench = new Bench()
  const session = bench.login()
  const id = attribute('Acct-Session-Id', session.id)
  assert.equal(bench.send(COA, [id, attribute('Session-Timeout', 600), attribute('Port-Limit', 3)]), coaNak(401))
  assert.equal(bench.send(COA, [id, attribute('Session-Timeout', 600), { type: 250, value: Buffer.from('x') }]), coaNak(401))
  assert.equal(bench.send(COA, [id]), coaNak(402))
  assert.equal(bench.send(COA, [id, { type: 27, value: Buffer.from('x') }]), coaNak(404))
  assert.equal(bench.send(COA, [id, attribute('Service-Type', 17)]), coaNak(405))
  assert.equal(bench.send(COA, [id, attribute('Session-Timeout', 90_000)]), coaNak(407))
  assert.equal(bench.send(DISCONNECT, [id, attribute('Session-Timeout', 600)]), disconnectNak(401))
  const write = bench.rig.opened.store.write.bind(bench.rig.opened.store)
  bench.rig.opened.store.write = () => {
    throw new GatewayError('STORE_FULL', 'the disk is full')
  }
  assert.equal(bench.send(COA, [id, attribute('Session-Timeout', 600)]), coaNak(506))
  bench.rig.opened.store.write = write
  assert.is(session.expiresAt, undefined)
  assert.ok(bench.rig.table.get(session.id))
})

test('only servers are believed, and only with their secret', () => {
  const bench = new Bench()
  const { id } = bench.login()
  const what = [attribute('Acct-Session-Id', id)]
  assert.is(bench.send(DISCONNECT, what, { from: '10.0.0.7' }), undefined)
  assert.is(bench.send(DISCONNECT, what, { secret: 'wrong' }), undefined)
  assert.is(bench.send(DISCONNECT, what, { secret: 'wrong', signed: false }), undefined)
  assert.is(bench.send(DISCONNECT, what, { from: '10.0.0.6', secret: 'testing123' }), undefined, 'another server\'s')
  assert.is(bench.send(DISCONNECT, what, { from: '10.0.0.6', secret: 'other', signed: false }), undefined, 'it has to sign')
  assert.is(bench.send(CODE.accessAccept, what), undefined)
  const altered = bench.request(DISCONNECT, what)
  altered.writeUInt8(altered.readUInt8(30) ^ 1, 30)
  assert.is(bench.say(altered), undefined)
  assert.is(bench.say(Buffer.from('hello')), undefined)
  assert.equal([bench.dynamic.counts.strangers, bench.dynamic.counts.forged, bench.dynamic.counts.malformed], [1, 5, 2])
  assert.ok(bench.rig.table.get(id))
  assert.equal(bench.send(DISCONNECT, what, { from: '::ffff:10.0.0.6', secret: 'other' }), ACK)
})

test('a request that comes again does nothing and has its answer again; one of another time has none', () => {
  const bench = new Bench()
  bench.login()
  const seconds = (): number => Math.floor(bench.rig.clock.now() / 1000)
  const bytes = bench.request(DISCONNECT, [attribute('User-Name', 'bob'), attribute('Event-Timestamp', seconds())])
  assert.equal(bench.say(bytes), ACK)
  const back = bench.login()
  assert.equal(bench.say(bytes), ACK)
  assert.is(bench.dynamic.counts.repeated, 1)
  bench.rig.clock.advance(KEPT_MS + 1000)
  const again = bench.login()
  assert.is(bench.say(bytes), undefined, 'recorded, and an hour old')
  assert.is(bench.send(DISCONNECT, [attribute('User-Name', 'bob'), attribute('Event-Timestamp', seconds() + WINDOW_SEC + 2)]), undefined)
  assert.is(bench.dynamic.counts.stale, 2)
  assert.ok(bench.rig.table.get(again.id))
  assert.is(bench.rig.table.get(back.id), undefined, 'nobody has used the login')
  assert.equal(bench.send(DISCONNECT, [attribute('User-Name', 'bob'), attribute('Event-Timestamp', seconds() - WINDOW_SEC)]), ACK)
})

test('what a proxy added goes back to it, in order', () => {
  const bench = new Bench()
  const states = ['one', 'two'].map((text) => attribute('Proxy-State', Buffer.from(text)))
  const answer = decodePacket(bench.dynamic.handle(bench.request(DISCONNECT, [attribute('User-Name', 'nobody'), ...states]), SERVER) ?? Buffer.alloc(0))
  assert.equal(answer?.attributes.filter(({ type }) => type === 33).map(({ value }) => value.toString()), ['one', 'two'])
})

test('requests are bounded in rate, and strangers take nothing of it', () => {
  const bench = new Bench()
  const bytes = bench.request(DISCONNECT, [attribute('User-Name', 'nobody')])
  for (let at = 0; at < 3 * BURST; at++) bench.say(bytes, { from: '10.9.9.9' })
  for (let at = 0; at < BURST; at++) assert.ok(bench.say(bytes))
  assert.is(bench.say(bytes), undefined)
  assert.is(bench.dynamic.counts.limited, 1)
  bench.rig.clock.advance(1000)
  assert.ok(bench.say(bytes))
})

test('answers are kept in bounded number', () => {
  const answers = new AnsweredRequests()
  for (let at = 0; at < MAX_ANSWERED + 10; at++) answers.add('a', Buffer.from(String(at)), Buffer.from(String(at)), at)
  assert.is(answers.size, MAX_ANSWERED)
  assert.is(answers.answerTo('a', Buffer.from('9'), 5000), undefined)
  assert.is(answers.answerTo('b', Buffer.from('100'), 5000), undefined)
  assert.is(answers.answerTo('a', Buffer.from('100'), 5000)?.toString(), '100')
})

test('names of servers are looked up ahead, and stay while the resolver is away', async () => {
  const bench = new Bench()
  let addresses: readonly string[] | undefined = ['192.0.2.5', '2001:db8::5']
  const servers = [server('radius.example.com'), server('other.example.com', 'x', { tls: { ca: undefined, certificate: undefined, key: undefined, name: 'x' } })]
  const sources = new DynamicSources({ clock: bench.rig.clock, servers: () => servers, resolve: () => (addresses ? Promise.resolve(addresses) : Promise.reject(new Error('away'))) })
  assert.equal(sources.at('192.0.2.5'), [])
  await sources.start()
  assert.equal(sources.at('::ffff:192.0.2.5').map(({ host }) => host), ['radius.example.com'])
  assert.is(sources.at('2001:db8:0::5').length, 1)
  addresses = undefined
  bench.rig.clock.advance(60_000)
  await new Promise((resolve) => setImmediate(resolve))
  assert.is(sources.at('192.0.2.5').length, 1)
  sources.stop()
})

test('sockets are bound, given up and moved; one that is taken is a health entry and is tried again', async () => {
  const bench = new Bench()
  const { clock, health, log } = bench.rig
  const listener = new DynamicListener({ clock, health, log, handle: (datagram) => (datagram.length > 1 ? datagram : undefined) })
  await listener.listen([{ address: '127.0.0.1', port: 0 }])
  const [endpoint] = listener.endpoints
  assert.ok(endpoint)
  const peer = createSocket('udp4')
  peer.send('x', endpoint.port, '127.0.0.1')
  peer.send('echo', endpoint.port, '127.0.0.1')
  const [message] = await once(peer, 'message') as [Buffer]
  assert.is(message.toString(), 'echo')
  const second = new DynamicListener({ clock, health, log, handle: () => undefined })
  await second.listen([{ address: '127.0.0.1', port: endpoint.port }])
  assert.match(health.list()[0]?.text ?? '', /^CoA and Disconnect-Requests cannot be taken: 127\.0\.0\.1:\d+: EADDRINUSE$/)
  await listener.close()
  clock.advance(10_000)
  while (second.endpoints.length === 0) await new Promise((resolve) => setImmediate(resolve))
  while (health.list().length > 0) await new Promise((resolve) => setImmediate(resolve))
  await second.close()
  peer.close()
})

test.run()
