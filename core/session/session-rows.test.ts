import Database from 'better-sqlite3'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HealthList } from '../health-list.ts'
import { SqliteStore } from '../store/sqlite-store.ts'
import { TestClock, TestLog } from '../testing.ts'
import { SESSION_MIGRATIONS, SessionRows } from './session-rows.ts'

test('rows of the first version of the table are all there after the migration', () => {
  const store = new SqliteStore(new Database(':memory:'), ':memory:', new HealthList(new TestClock(), new TestLog()))
  store.migrate('core-session', SESSION_MIGRATIONS.slice(0, 1))
  const before = store.write((db) => {
    db.prepare("INSERT INTO core_policy (id, json) VALUES (7, '{}')").run()
    const add = db.prepare("INSERT INTO core_session VALUES (?, 'bob', 'staff', '{}', 7, 'key', '192.0.2.7:5000', ?, NULL, 1, 3, 4, '{}', 5, 6, 7, 8)")
    for (let at = 0; at < 100; at++) add.run(`id${100 - at}`, at)
    return db.prepare('SELECT * FROM core_session ORDER BY created_at').all() as object[]
  })
  assert.equal(new SessionRows(store).all(), before.map((row) => ({ ...row, dtls_rx_bytes: 0, dtls_tx_bytes: 0, dtls_rx_packets: 0, dtls_tx_packets: 0, identity: null, host: null, strap_keys: null, policy: '{}' })))
})

test.run()
