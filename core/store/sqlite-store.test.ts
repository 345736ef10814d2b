import Database from 'better-sqlite3'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError } from '../errors.ts'
import { HealthList } from '../health-list.ts'
import { TestClock, TestLog } from '../testing.ts'
import { SqliteStore } from './sqlite-store.ts'
import { storeError } from './store-error.ts'

const memory = () => {
  const health = new HealthList(new TestClock(), new TestLog())
  return { health, store: new SqliteStore(new Database(':memory:'), ':memory:', health) }
}
const ONE = { version: 1, sql: 'CREATE TABLE thing (name TEXT PRIMARY KEY) STRICT' }
const TWO = { version: 2, sql: "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'" }
const count = (store: SqliteStore): number => store.read((db) => db.prepare('SELECT count(*) FROM thing').pluck().get() as number)

test('migrations run in order, once each, for each owner', () => {
  const { store } = memory()
  store.migrate('a', [ONE])
  store.write((db) => db.prepare("INSERT INTO thing (name) VALUES ('x')").run())
  store.migrate('a', [ONE, TWO])
  store.migrate('a', [ONE, TWO])
  assert.equal(store.read((db) => db.prepare('SELECT * FROM thing').all()), [{ name: 'x', colour: 'red' }])
  store.migrate('b', [{ version: 1, sql: 'CREATE TABLE other (x) ' }])
})

test('a migration that fails leaves nothing of itself; a newer database is refused', () => {
  const { store } = memory()
  store.migrate('a', [ONE])
  assert.throws(() => store.migrate('a', [ONE, { version: 2, sql: 'CREATE TABLE half (x); CREATE TABLE nonsense (' }]))
  assert.is(store.read((db) => db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").pluck().get()), 0)
  store.migrate('a', [ONE, TWO])
  assert.throws(() => store.migrate('a', [ONE]), /written by a newer version/)
  assert.throws(() => store.migrate('c', [{ version: 2, sql: '' }]), /migration 2 stands at place 1/)
})

test('a write is all or nothing; an inner one joins the outer one', () => {
  const { store } = memory()
  store.migrate('a', [ONE])
  const insert = (name: string) => store.write((db) => db.prepare('INSERT INTO thing (name) VALUES (?)').run(name))
  assert.throws(() => store.write(() => {
    insert('a')
    insert('b')
    throw new Error('changed my mind')
  }), /changed my mind/)
  assert.is(count(store), 0)
  store.write(() => {
    insert('a')
    insert('b')
  })
  assert.is(count(store), 2)
})

test('the same text is prepared once', () => {
  const { store } = memory()
  store.read((db) => assert.is(db.prepare('SELECT 1'), db.prepare('SELECT 1')))
})

test('what SQLite says becomes the catalogue\'s words, with the cause', () => {
  const cases = [['SQLITE_FULL', 'STORE_FULL'], ['SQLITE_READONLY_DBMOVED', 'STORE_READONLY'], ['SQLITE_CORRUPT_VTAB', 'STORE_CORRUPT'], ['SQLITE_NOTADB', 'STORE_CORRUPT'],
    ['SQLITE_BUSY_SNAPSHOT', 'STORE_BUSY'], ['SQLITE_IOERR_WRITE', 'STORE'], ['SQLITE_IOERR_SHMSIZE', 'STORE_FULL'], ['SQLITE_CONSTRAINT_UNIQUE', 'STORE']] as const
  for (const [code, expected] of cases) {
    const cause = new Database.SqliteError('x', code)
    const error = storeError(cause, '/d/postern.db')
    assert.instance(error, GatewayError)
    assert.is((error as GatewayError).code, expected)
    assert.is((error as GatewayError).cause, cause)
  }
  const other = new Error('mine')
  assert.is(storeError(other, ''), other)
})

test('a constraint is an error of one statement, not a problem of the disk', () => {
  const { store, health } = memory()
  store.migrate('a', [ONE])
  const insert = () => store.write((db) => db.prepare("INSERT INTO thing (name) VALUES ('a')").run())
  insert()
  assert.throws(insert, (error: Error) => error instanceof GatewayError && error.code === 'STORE')
  assert.equal(health.list(), [])
  assert.is(count(store), 1)
})

// Without scripts/object-wrap.h the collection aborts the process from Node 24.19 on.
test('a statement that is collected in the middle of other work is no end', () => {
  const db = new Database(':memory:')
  const garbage = (): unknown => {
    let last: unknown[] = []
    for (let at = 0; at < 5000; at++) last = [at, { at }, String(at).repeat(20), last[0]]
    return last
  }
  for (let round = 0; round < 200; round++) {
    db.prepare(`SELECT ${round}`)
    garbage()
  }
  assert.is(db.prepare('SELECT 7').pluck().get(), 7)
})

test.run()
