import Database from 'better-sqlite3'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { AUDIT_MIGRATIONS, AuditLog } from './audit-log.ts'
import { HealthList } from './health-list.ts'
import { SqliteStore } from './store/sqlite-store.ts'
import { TestClock, TestLog } from './testing.ts'

const setUp = (kept?: number) => {
  const log = new TestLog()
  const clock = new TestClock(Date.UTC(2026, 0, 1))
  const db = new Database(':memory:')
  const audit = new AuditLog(new SqliteStore(db, ':memory:', new HealthList(clock, log)), clock, log, kept)
  return { audit, clock, db, log }
}

test('entries come back newest first, one line each', () => {
  const { audit, clock } = setUp()
  audit.record({ action: 'login', actor: 'bob', peer: '192.0.2.1:5', ok: false, detail: 'wrong\r\npassword' })
  clock.advance(1000)
  audit.record({ action: 'user.add', actor: 'admin', subject: 'eve', ok: true })
  assert.equal(audit.list(10), [
    { at: '2026-01-01T00:00:01.000Z', action: 'user.add', actor: 'admin', subject: 'eve', ok: true },
    { at: '2026-01-01T00:00:00.000Z', action: 'login', actor: 'bob', peer: '192.0.2.1:5', ok: false, detail: 'wrong password' },
  ])
  assert.is(audit.list(1).length, 1)
})

test('the list is bounded: texts are cut, old entries go', () => {
  const { audit, db } = setUp(100)
  for (let at = 0; at < 2000; at++) audit.record({ action: 'x', actor: 'a'.repeat(5000), ok: true })
  assert.is(db.prepare('SELECT count(*) FROM core_audit').pluck().get(), 100)
  assert.is(audit.list(1)[0]?.actor.length, 512)
})

test('a store that refuses does not stop what is recorded; the log has it', () => {
  const { audit, db, log } = setUp()
  db.pragma('query_only = ON')
  audit.record({ action: 'login', actor: 'bob', ok: true })
  assert.ok(log.has('audit entry not stored'))
})

test('entries of the first version of the table keep their order', () => {
  const clock = new TestClock(Date.UTC(2026, 0, 1))
  const store = new SqliteStore(new Database(':memory:'), ':memory:', new HealthList(clock, new TestLog()))
  store.migrate('core-audit', AUDIT_MIGRATIONS.slice(0, 1))
  store.write((db) => db.prepare("INSERT INTO core_audit VALUES (41, 1, 'login', 'bob', NULL, NULL, 1, NULL), (42, 2, 'login', 'eve', NULL, NULL, 0, NULL)").run())
  const audit = new AuditLog(store, clock, new TestLog())
  audit.record({ action: 'logout', actor: 'bob', ok: true })
  assert.equal(audit.list(5).map(({ action, actor, ok }) => [action, actor, ok]), [['logout', 'bob', true], ['login', 'eve', false], ['login', 'bob', true]])
})

test.run()
