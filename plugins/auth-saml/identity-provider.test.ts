import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerError, type Health } from '../../core/api.ts'
import { SqliteStore } from '../../core/store/sqlite-store.ts'
import { TestClock, TestLog, testDirectory } from '../../core/testing.ts'
import { IdentityProvider } from './identity-provider.ts'
import { MIGRATIONS, ReplayTable } from './replay-table.ts'
import { TestIdp } from './testing.ts'

class ListedHealth implements Health {
  readonly entries = new Map<string, string>()
  raise = (code: string, severity: string, text: string): void => void this.entries.set(code, `${severity}: ${text}`)
  clear = (code: string): void => void this.entries.delete(code)
  list = (): [] => []
}

const idp = await TestIdp.make()

/** A server of metadata whose answer can be changed. */
async function fixture() {
  const answer = { status: 200, body: idp.metadata(), asked: 0 }
  const server = createServer((_request, response) => {
    answer.asked++
    response.writeHead(answer.status, answer.status === 302 ? { Location: '/elsewhere' } : {}).end(answer.body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const clock = new TestClock()
  const health = new ListedHealth()
  const directory = testDirectory()
  const make = (): IdentityProvider => new IdentityProvider({ 'idp-metadata-url': `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }, { clock, health, log: new TestLog(), directory: () => directory })
  return {
    answer, clock, health, make,
    end: () => new Promise((done) => {
      server.closeAllConnections()
      server.close(done)
    }),
  }
}

test('G21 metadata come from a URL again and again; the last good ones stay, over a restart too, and health says so', async () => {
  const { answer, clock, health, make, end } = await fixture()
  const first = make()
  await first.start()
  assert.is(first.metadata?.entityId, idp.entityId)
  answer.body = 'broken'
  clock.advance(6 * 3_600_000)
  await first.refresh()
  assert.is(first.metadata?.entityId, idp.entityId)
  assert.match(health.entries.get('auth-saml.metadata') ?? '', /^warning: .*the last good ones are used/)
  first.stop()
  const second = make()
  await second.start()
  assert.is(second.metadata?.entityId, idp.entityId)
  await second.refresh()
  answer.body = idp.metadata({ entityId: 'https://new.example.com' })
  clock.advance(300_000)
  await second.refresh()
  assert.is(second.metadata?.entityId, 'https://new.example.com')
  assert.not.ok(health.entries.has('auth-saml.metadata'))
  second.stop()
  await end()
})

test('G21 without metadata nobody logs in and health says why: not there, redirected, too long', async () => {
  const { answer, health, make, end } = await fixture()
  for (const [status, body, reason] of [[404, '', /answered 404/], [302, '', /redirect/], [200, ' '.repeat(5 * 1024 * 1024), /longer than/], [200, '<a/>', /no identity provider/]] as const) {
    Object.assign(answer, { status, body })
    const one = make()
    await one.start()
    assert.is(one.metadata, undefined)
    assert.match(health.entries.get('auth-saml.metadata') ?? '', reason)
    assert.match(health.entries.get('auth-saml.metadata') ?? '', /^error: /)
    one.stop()
  }
  await end()
})

test('G21 a file that cannot be used keeps the gateway up and is refused by a reload', async () => {
  const health = new ListedHealth()
  const source = { 'idp-metadata-file': join(testDirectory(), 'idp.xml') }
  const one = new IdentityProvider(source, { clock: new TestClock(), health, log: new TestLog(), directory: testDirectory })
  await one.start()
  assert.match(health.entries.get('auth-saml.metadata') ?? '', /^error: .*idp\.xml: no such file/)
  const refused = await one.replace(source).then(() => undefined, (error: unknown) => error)
  assert.instance(refused, PeerError)
  writeFileSync(source['idp-metadata-file'], idp.metadata())
  await one.replace(source)
  assert.is(one.metadata?.entityId, idp.entityId)
  assert.not.ok(health.entries.has('auth-saml.metadata'))
})

test('G21 a signature that does not fit has the metadata fetched, every five minutes at most', async () => {
  const { answer, clock, make, end } = await fixture()
  const one = make()
  await one.start()
  one.doubt()
  assert.is(answer.asked, 1)
  clock.advance(300_000)
  one.doubt()
  await one.refresh()
  assert.is(answer.asked, 2)
  one.stop()
  await end()
})

test('G21 an assertion is taken once, across restarts, until nobody could show it again', () => {
  const file = join(testDirectory(), 'store.db')
  const open = (): { readonly table: ReplayTable; readonly close: () => void } => {
    const db = new Database(file)
    const store = new SqliteStore(db, file, new ListedHealth())
    store.migrate('auth-saml', MIGRATIONS)
    return { table: new ReplayTable(store), close: () => db.close() }
  }
  const before = open()
  assert.ok(before.table.take('idp', '_a', 2000, 1000))
  before.close()
  const after = open()
  assert.not.ok(after.table.take('idp', '_a', 2000, 1500))
  assert.ok(after.table.take('other', '_a', 2000, 1500))
  assert.ok(after.table.take('idp', '_a', 4000, 2500))
  after.close()
})

test.run()
