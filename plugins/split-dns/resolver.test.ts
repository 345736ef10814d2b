// test: limit=60
import { createSocket } from 'node:dgram'
import { setImmediate } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TestClock } from '../../core/testing.ts'
import { MAX_WAITING, QUERY_BURST, REFUSALS_PER_SECOND } from './clients.ts'
import { MAX_MISMATCHES } from './exchanges.ts'
import { DEADLINE_MS } from './forwarder.ts'
import { FLAG, HEADER, RCODE, readQuestion } from './query.ts'
import { MAX_WAITING_IN_ALL } from './resolver.ts'
import { MAX_FAILURES, PROBE_MS } from './server.ts'
import { A, answerTo, COOKIE, framedPieces, isTruncated, opt, query, rcodeOf, rig, session, soa, TestServer, TYPES, type Reply } from './testing.ts'

const says = (address: string, ttl = 300): Reply => (asked) => answerTo(asked, { answers: [A(address, ttl)] })
const silent: Reply = () => undefined
/** Address in the one record of an answer. */
const told = (answer: Buffer): string => answer.subarray(answer.length - 4).join('.')
const ttlOf = (answer: Buffer): number => answer.readUInt32BE(answer.length - 10)

interface Network {
  server(reply: Reply, port?: number): Promise<TestServer>
  rig(...args: Parameters<typeof rig>): ReturnType<typeof rig>
}
const proven = (name: string, body: (network: Network) => Promise<void>): void =>
  test(name, async () => {
    const closers: (() => unknown)[] = []
    try {
      await body({
        async server(reply, port) {
          const server = await TestServer.start(reply, port)
          closers.push(() => server.stop())
          return server
        },
        rig(...args) {
          const made = rig(...args)
          closers.push(() => made.stop())
          return made
        },
      })
    } finally {
      for (const close of closers.reverse()) await close()
    }
  })
/** Moves the clock on until the answer is there. */
async function patiently<T>(clock: TestClock, waiting: Promise<T>): Promise<{ readonly answer: T; readonly tookMs: number }> {
  const from = clock.monotonic()
  const gone = { answer: undefined as T | undefined, done: false }
  void waiting.then((answer) => Object.assign(gone, { answer, done: true }))
  while (!gone.done) {
    clock.advance(50)
    // Sockets have their turn between two steps of the clock.
    for (let turn = 0; turn < 5; turn++) await setImmediate()
  }
  return { answer: gone.answer as T, tookMs: clock.monotonic() - from }
}

proven('G17 names of a zone go to its servers, others upstream, for each group its own', async ({ server, rig }) => {
  const [inner, secret, upstream] = [await server(says('10.1.0.1')), await server(says('10.2.0.1')), await server(says('192.0.2.1'))]
  const { ask, clients, count } = rig({
    upstream: [upstream.text],
    zone: [{ names: ['corp.example'], servers: [inner.text] }, { names: ['secret.example'], servers: [secret.text], groups: ['staff'] }],
  })
  clients.tunnelUp(session('guest', '127.0.0.2', { group: 'guests' }))
  assert.is(told(await ask(query('www.corp.example'))), '10.1.0.1')
  assert.is(told(await ask(query('example.com'))), '192.0.2.1')
  assert.is(told(await ask(query('secret.example'))), '10.2.0.1')
  assert.is(told(await ask(query('secret.example'), '127.0.0.2')), '192.0.2.1')
  assert.equal([count.queries, count.zones, count.upstream], [4, 2, 2])
  assert.equal([inner.asked.length, secret.asked.length, upstream.asked.length], [1, 1, 2])
})

proven('G17 refused: strangers, names that nobody answers, transfers, classes of others', async ({ server, rig }) => {
  const inner = await server(says('10.1.0.1'))
  const { ask, count } = rig({ zone: [{ names: ['corp.example'], servers: [inner.text] }] })
  const refused = [await ask(query('corp.example'), '127.0.0.9'), await ask(query('example.com')), await ask(query('corp.example', { type: 252 })), await ask(query('corp.example', { class: 3 }))]
  assert.equal(refused.map(rcodeOf), [5, 5, 5, 5])
  assert.equal([count.strangers, count.refused, inner.asked.length], [1, 3, 0])
})

proven('strangers are answered at a bounded rate', async ({ rig }) => {
  const { resolver } = rig({}, { clock: new TestClock(), strangers: true })
  const answers = []
  for (let at = 0; at < 60; at++) answers.push(await resolver.answer(query('a.example'), '127.0.0.1', 'udp'))
  assert.is(answers.filter((answer) => answer !== undefined).length, 50)
})

proven('G17 an answer is kept for its TTL, which runs down; another spelling and a cookie find it', async ({ server, rig }) => {
  const clock = new TestClock()
  const upstream = await server(says('192.0.2.1', 60))
  const { ask, count, resolver } = rig({ upstream: [upstream.text] }, { clock })
  await ask(query('a.example'))
  clock.advance(40_000)
  const second = await ask(query('A.Example', { id: 9 }))
  assert.equal([second.readUInt16BE(0), ttlOf(second), readQuestion(second).name, second.toString('latin1', HEADER + 1, HEADER + 2)], [9, 20, 'a.example', 'A'])
  clock.advance(20_000)
  assert.is(ttlOf(await ask(query('a.example'))), 60)
  await ask(query('a.example', { edns: opt(1232, COOKIE) }))
  await ask(query('a.example', { edns: opt() }))
  await ask(query('a.example', { type: TYPES.AAAA }))
  assert.equal([upstream.asked.length, count.cached, resolver.cache.length], [4, 2, 3])
})

proven('G17 that there is no such name is kept by the minimum of the SOA', async ({ server, rig }) => {
  const clock = new TestClock()
  const upstream = await server((asked) => answerTo(asked, { rcode: RCODE.NXDOMAIN, authority: [soa(900, 30)] }))
  const { ask } = rig({ upstream: [upstream.text] }, { clock })
  for (const seconds of [0, 29, 1]) {
    clock.advance(seconds * 1000)
    assert.is(rcodeOf(await ask(query('none.example'))), RCODE.NXDOMAIN)
  }
  assert.is(upstream.asked.length, 2)
})

proven('G17 forged answers are not believed: wrong id, wrong question, wrong address, wrong port', async ({ server, rig }) => {
  const other = createSocket('udp4').unref()
  const upstream = await server((asked, _over, { udp, from }) => {
    if (!from) return undefined
    const forged = answerTo(asked, { answers: [A('203.0.113.66')] })
    const wrongId = Buffer.from(forged)
    wrongId.writeUInt16BE(asked.readUInt16BE(0) ^ 1, 0)
    udp.send(wrongId, from.port, from.address)
    udp.send(answerTo(query('other.example', { id: asked.readUInt16BE(0) }), { answers: [A('203.0.113.66')] }), from.port, from.address)
    other.send(forged, from.port, from.address, () => udp.send(answerTo(asked, { answers: [A('192.0.2.1')] }), from.port, from.address))
    return undefined
  })
  const { ask, count } = rig({ upstream: [upstream.text] })
  assert.is(told(await ask(query('a.example'))), '192.0.2.1')
  assert.equal([count.mismatched, count.overTcp], [2, 0])
  other.close()
})

proven('G17 when answers with wrong ids pour in, the question goes over TCP', async ({ server, rig }) => {
  const upstream = await server((asked, over, { udp, from }) => {
    if (over === 'tcp') return answerTo(asked, { answers: [A('192.0.2.1')] })
    for (let guess = 1; guess <= MAX_MISMATCHES; guess++) {
      const forged = answerTo(asked, { answers: [A('203.0.113.66')] })
      forged.writeUInt16BE(asked.readUInt16BE(0) ^ guess, 0)
      udp.send(forged, from?.port ?? 0, from?.address)
    }
    return undefined
  })
  const { ask, count } = rig({ upstream: [upstream.text] })
  assert.is(told(await ask(query('a.example'))), '192.0.2.1')
  assert.equal([count.mismatched, count.overTcp], [MAX_MISMATCHES, 1])
})

proven('G17 each question has an id and a port of its own', async ({ server, rig }) => {
  const upstream = await server(says('192.0.2.1'))
  const { ask } = rig({ upstream: [upstream.text] })
  await Promise.all(Array.from({ length: 60 }, (_, at) => ask(query(`h${at}.example`, { id: 1 }))))
  const distinct = (values: readonly number[]): number => new Set(values).size
  assert.ok(distinct(upstream.asked.map(({ message }) => message.readUInt16BE(0))) > 50)
  assert.ok(distinct(upstream.asked.map(({ port }) => port)) > 50)
})

proven('G17 an answer too large for UDP comes over TCP; the client gets what fits it', async ({ server, rig }) => {
  const many = Array.from({ length: 200 }, (_, at) => A(`192.0.2.${at}`))
  const upstream = await server((asked, over) => answerTo(asked, over === 'tcp' ? { answers: many } : { flags: FLAG.TC }))
  const { ask, count } = rig({ upstream: [upstream.text] })
  const small = await ask(query('a.example'))
  assert.equal([isTruncated(small), small.readUInt16BE(6)], [true, 0])
  const medium = await ask(query('b.example', { edns: opt(4096) }))
  assert.equal([isTruncated(medium), medium.readUInt16BE(6)], [false, 200])
  const whole = await ask(query('a.example'), '127.0.0.1', 'tcp')
  assert.equal([isTruncated(whole), whole.readUInt16BE(6)], [false, 200])
  assert.equal([count.truncated, count.cached], [1, 1])
})

proven('G17 malformed answers are none: 65,535 counts, half records; at last SERVFAIL', async ({ server, rig }) => {
  const clock = new TestClock()
  const upstream = await server((asked) => {
    const answer = answerTo(asked, { answers: [A('203.0.113.66')] })
    answer.writeUInt16BE(0xffff, 6)
    return answer
  })
  const { ask, count } = rig({ upstream: [upstream.text] }, { clock })
  const { answer, tookMs } = await patiently(clock, ask(query('a.example')))
  assert.is(rcodeOf(answer), RCODE.SERVFAIL)
  assert.ok(tookMs <= DEADLINE_MS + 100, `${tookMs} ms`)
  assert.ok(count.mismatched >= 3)
  assert.is(count.failed, 1)
})

proven('G17 the next server answers for one that refuses the connection or is silent, SERVFAIL when none does', async ({ server, rig }) => {
  const clock = new TestClock()
  const gone = await TestServer.start(silent)
  await gone.stop()
  const [mute, good] = [await server(silent), await server(says('10.1.0.1'))]
  const { ask, forwarder, health } = rig({ zone: [{ names: ['corp.example'], servers: [gone.text, mute.text, good.text] }], upstream: [mute.text] }, { clock })
  for (let at = 0; at < MAX_FAILURES; at++) assert.is(told((await patiently(clock, ask(query(`h${at}.corp.example`)))).answer), '10.1.0.1')
  assert.equal(forwarder.list().map(({ text, dead }) => [text, dead]), [[mute.text, true], [gone.text, true], [good.text, false]])
  assert.is(health.list().length, 2)
  const before = mute.asked.length
  assert.is(told(await ask(query('fast.corp.example'))), '10.1.0.1', 'the dead ones are not waited for')
  assert.is(mute.asked.length, before)
  const { answer, tookMs } = await patiently(clock, ask(query('example.com')))
  assert.is(rcodeOf(answer), RCODE.SERVFAIL)
  assert.ok(tookMs >= DEADLINE_MS - 100 && tookMs <= DEADLINE_MS + 100, `${tookMs} ms`)
})

proven('G17 a dead server is asked whether it is back, and used again', async ({ server, rig }) => {
  const clock = new TestClock()
  let mute = true
  const first = await server((asked) => (mute ? undefined : answerTo(asked, { rcode: readQuestion(asked).name === '.' ? RCODE.REFUSED : 0, answers: readQuestion(asked).name === '.' ? [] : [A('10.1.0.1')] })))
  const second = await server(says('10.1.0.2'))
  const { ask, forwarder, health } = rig({ upstream: [first.text, second.text] }, { clock })
  for (let at = 0; at < MAX_FAILURES; at++) await patiently(clock, ask(query(`h${at}.example`)))
  assert.equal(health.list().map(({ text }) => text), [`the DNS server ${first.text} does not answer`])
  mute = false
  clock.advance(PROBE_MS)
  while (forwarder.list()[0]?.dead) await setImmediate()
  assert.equal(health.list(), [])
  assert.is(told(await ask(query('back.example'))), '10.1.0.1')
  assert.is(clock.pending, 0, 'nothing is left of the probes')
})

proven('a failure of one server is no answer while another has a better one', async ({ server, rig }) => {
  const [broken, good] = [await server((asked) => answerTo(asked, { rcode: RCODE.SERVFAIL })), await server(says('10.1.0.1'))]
  const { ask } = rig({ upstream: [broken.text, good.text], zone: [{ names: ['corp.example'], servers: [broken.text] }] })
  assert.is(told(await ask(query('a.example'))), '10.1.0.1')
  assert.is(rcodeOf(await ask(query('corp.example'))), RCODE.SERVFAIL)
  assert.is(broken.asked.length, 2, 'a server that answers is not dead, and not asked twice')
})

proven('a server that drips its answer over TCP is given up in time', async ({ server, rig }) => {
  const clock = new TestClock()
  const upstream = await server((asked, over, { stream }) => {
    if (over === 'udp') return answerTo(asked, { flags: FLAG.TC })
    stream?.write(framedPieces(answerTo(asked, { answers: [A('192.0.2.1')] }))[0] ?? '')
    return undefined
  })
  const { ask, exchanges } = rig({ upstream: [upstream.text] }, { clock })
  const { answer, tookMs } = await patiently(clock, ask(query('a.example')))
  assert.is(rcodeOf(answer), RCODE.SERVFAIL)
  assert.ok(tookMs <= DEADLINE_MS + 100, `${tookMs} ms`)
  assert.is(exchanges.length, 0)
})

proven('G17 equal questions at the same time are one message to the server', async ({ server, rig }) => {
  const upstream = await server(says('192.0.2.1'))
  const { ask, count } = rig({ upstream: [upstream.text] })
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => ask(query('a.example', { id: at }))))
  assert.equal(answers.map((answer) => [answer.readUInt16BE(0), told(answer)]), answers.map((_, at) => [at, '192.0.2.1']))
  assert.equal([upstream.asked.length, count.joined], [1, 19])
})

proven('G17 one session asks at a bounded rate, and has a bounded number of questions under way', async ({ server, rig }) => {
  const clock = new TestClock()
  const mute = await server(silent)
  const { ask, clients, count, resolver, stop } = rig({ upstream: [mute.text] }, { clock })
  clients.tunnelUp(session('other', '127.0.0.2'))
  const waiting = Array.from({ length: MAX_WAITING }, (_, at) => ask(query(`h${at}.example`)))
  assert.is(rcodeOf(await ask(query('more.example'))), RCODE.REFUSED)
  assert.is(count.limited, 1)
  const foreign = query('.', { class: 3 })
  for (let at = MAX_WAITING + 1; at < QUERY_BURST; at++) await ask(foreign)
  assert.equal([count.refused, count.limited], [QUERY_BURST - MAX_WAITING - 1, 1])
  for (let at = 0; at < REFUSALS_PER_SECOND; at++) assert.is(rcodeOf(await ask(foreign)), RCODE.REFUSED)
  assert.is(await resolver.answer(foreign, '127.0.0.1', 'udp'), undefined, 'then there is no answer')
  assert.equal([count.refused, count.limited], [QUERY_BURST - MAX_WAITING - 1, REFUSALS_PER_SECOND + 2])
  assert.is(rcodeOf(await ask(foreign, '127.0.0.2')), RCODE.REFUSED)
  assert.is(count.refused, QUERY_BURST - MAX_WAITING, 'the other session is not concerned')
  stop()
  assert.equal(new Set((await patiently(clock, Promise.all(waiting))).answer.map(rcodeOf)), new Set([RCODE.SERVFAIL]))
})

proven('all sessions together have a bounded number of questions under way', async ({ server, rig }) => {
  const clock = new TestClock()
  const mute = await server(silent)
  const { ask, clients, count, stop, exchanges } = rig({ upstream: [mute.text] }, { clock })
  const sessions = MAX_WAITING_IN_ALL / MAX_WAITING
  for (let one = 0; one <= sessions; one++) clients.tunnelUp(session(`s${one}`, `127.0.1.${one}`))
  const waiting = []
  for (let one = 0; one < sessions; one++) for (let at = 0; at < MAX_WAITING; at++) waiting.push(ask(query(`h${one}-${at}.example`), `127.0.1.${one}`))
  assert.is(exchanges.length, MAX_WAITING_IN_ALL)
  assert.is(rcodeOf(await ask(query('more.example'), `127.0.1.${sessions}`)), RCODE.REFUSED)
  assert.is(count.limited, 1)
  stop()
  await patiently(clock, Promise.all(waiting))
})

proven('a changed section is in force with the next question; servers that stay keep what is known of them', async ({ server, rig }) => {
  const [first, second] = [await server(says('192.0.2.1')), await server(says('192.0.2.2'))]
  const { ask, resolver, forwarder } = rig({ upstream: [first.text] })
  assert.is(told(await ask(query('a.example'))), '192.0.2.1')
  const config = (upstream: string[]) => ({ upstream: upstream.map((text) => ({ address: '127.0.0.1', port: Number(text.split(':')[1]) })), zone: [], 'query-log': false })
  resolver.configure(config([second.text, first.text]))
  assert.is(told(await ask(query('a.example'))), '192.0.2.2')
  assert.equal(forwarder.list().map(({ text, answers }) => [text, answers]), [[second.text, 1], [first.text, 1]])
  resolver.configure(config([]))
  assert.is(rcodeOf(await ask(query('a.example'))), RCODE.REFUSED)
})

proven('the query log is off unless asked for', async ({ server, rig }) => {
  const upstream = await server(says('192.0.2.1'))
  for (const on of [false, true]) {
    const { ask, log } = rig({ upstream: [upstream.text], 'query-log': on })
    await ask(query('a\n.example'))
    const lines = log.lines.filter(({ message }) => message === 'dns query')
    assert.is(lines.length, on ? 1 : 0)
    if (on) assert.equal({ ...lines[0]?.fields, ms: 0 }, { user: 'user-one', session: 'one', name: 'a\\010.example', type: 1, answer: 'NOERROR', by: upstream.text, ms: 0 })
  }
})

test.run()
