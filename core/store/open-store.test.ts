import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError } from '../errors.ts'
import { HealthList } from '../health-list.ts'
import { codeOf, TestClock, TestLog, testDirectory } from '../testing.ts'
import { openStore, prepareDataDirectory } from './open-store.ts'
import { lockStore } from './store-lock.ts'
import type { Store } from './store.ts'

const clock = new TestClock()
const healthList = () => new HealthList(clock, new TestLog())
const THINGS = [{ version: 1, sql: 'CREATE TABLE thing (name TEXT PRIMARY KEY) STRICT' }]
const put = (store: Store, name: string): void => void store.write((db) => db.prepare('INSERT INTO thing (name) VALUES (?)').run(name))
const names = (store: Store): string[] => store.read((db) => db.prepare('SELECT name FROM thing ORDER BY name').pluck().all() as string[])
const withThings = (directory: string, ...things: string[]): void => {
  const opened = openStore(directory, healthList(), clock.now())
  opened.store.migrate('test', THINGS)
  for (const thing of things) put(opened.store, thing)
  opened.close()
}
/** A file system of its own; undefined without the right to mount. */
const mountTiny = (size: string): { readonly path: string; remount(options: string): void; unmount(): void } | undefined => {
  const path = join(testDirectory(), 'disk')
  mkdirSync(path)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'postern-test', path], { stdio: 'ignore' })
  } catch {
    process.stdout.write('SKIP the right to mount a tmpfs\n')
    return undefined
  }
  const unmount = (): void => void execFileSync('umount', ['-l', path])
  return { path, remount: (options) => void execFileSync('mount', ['-o', `remount,${options}`, path]), unmount }
}

test('rows outlive a close; files are for the owner alone', () => {
  const directory = join(testDirectory(), 'data')
  prepareDataDirectory(directory)
  withThings(directory, 'kept')
  const opened = openStore(directory, healthList(), clock.now())
  assert.not.ok(opened.fresh)
  assert.equal(names(opened.store), ['kept'])
  for (const file of readdirSync(directory)) assert.is(statSync(join(directory, file)).mode & 0o777, 0o600, file)
  assert.is(statSync(directory).mode & 0o007, 0)
  opened.close()
})

test('the database runs with a write-ahead log and is checked when it is opened', () => {
  const opened = openStore(testDirectory(), healthList(), clock.now())
  const pragma = (name: string) => opened.store.read((db) => db.pragma(name, { simple: true }))
  assert.equal([pragma('journal_mode'), pragma('synchronous'), pragma('foreign_keys')], ['wal', 1, 1])
  opened.close()
})

test('a damaged database is kept aside, a fresh one begun, and health says so until somebody acts', () => {
  const directory = testDirectory()
  withThings(directory, ...Array.from({ length: 500 }, (_, at) => `thing ${at} ${'x'.repeat(100)}`))
  const file = join(directory, 'postern.db')
  const bytes = readFileSync(file)
  bytes.fill(0x5a, 4096, bytes.length - 4096)
  writeFileSync(file, bytes)
  for (const start of ['first', 'second']) {
    const health = healthList()
    const opened = openStore(directory, health, clock.now())
    opened.store.migrate('test', THINGS)
    assert.equal(names(opened.store), start === 'first' ? [] : ['since'])
    if (start === 'first') put(opened.store, 'since')
    const [entry] = health.list()
    assert.is(entry?.code, 'STORE_CORRUPT')
    assert.is(entry?.severity, 'error')
    const kept = /kept as (\S+):/.exec(entry?.text ?? '')?.[1] ?? ''
    assert.equal(readFileSync(kept), bytes)
    opened.close()
  }
})

test('a file that is no database at all is kept aside too', () => {
  const directory = testDirectory()
  writeFileSync(join(directory, 'postern.db'), 'this is not a database, and it is long enough to be read as one')
  const health = healthList()
  openStore(directory, health, clock.now()).close()
  assert.equal(health.list().map(({ code }) => code), ['STORE_CORRUPT'])
})

test('a full disk refuses the write with STORE_FULL, keeps what was there, and recovers with the next good write', () => {
  const directory = testDirectory()
  withThings(directory, 'old')
  const health = healthList()
  const { store, close } = openStore(directory, health, clock.now())
  store.read((db) => db.pragma('max_page_count = 8'))
  let at = 0
  const fill = () => { for (;; at++) put(store, `${at} ${'x'.repeat(2000)}`) }
  assert.is(codeOf(fill), 'STORE_FULL')
  assert.equal(health.list().map(({ code, severity }) => [code, severity]), [['STORE_FULL', 'error']])
  assert.ok(names(store).includes('old'))
  assert.is(codeOf(fill), 'STORE_FULL')
  store.read((db) => db.pragma('max_page_count = 10000'))
  put(store, 'after')
  assert.equal(health.list(), [])
  assert.ok(names(store).includes('after'))
  close()
})

test('a disk that is full at start can be read; writes are refused; a start with room is good again', () => {
  const disk = mountTiny('256k')
  if (!disk) return
  try {
    withThings(disk.path, 'old')
    assert.throws(() => { for (let at = 0; ; at++) writeFileSync(join(disk.path, `fill${at}`), Buffer.alloc(4096)) }, /ENOSPC/)
    const health = healthList()
    const lock = lockStore(disk.path, 0)
    const opened = openStore(disk.path, health, clock.now())
    assert.equal(names(opened.store), ['old'])
    assert.equal(health.list().map(({ code, severity }) => [code, severity]), [['STORE_FULL', 'error']])
    assert.match(codeOf(() => put(opened.store, 'new')), /STORE_(FULL|READONLY)/)
    opened.close()
    lock?.release()
    disk.remount('size=2m')
    const again = openStore(disk.path, healthList(), clock.now())
    put(again.store, 'new')
    assert.equal(names(again.store), ['new', 'old'])
    again.close()
  } finally {
    disk.unmount()
  }
})

test('a read-only disk can be read, what stood in the log file included; writes are refused', () => {
  const disk = mountTiny('2m')
  if (!disk) return
  try {
    // A process that is killed leaves its last rows in the log file.
    execFileSync(process.execPath, ['--import', 'tsx', '-e', `
      const { openStore } = await import(${JSON.stringify(join(import.meta.dirname, 'open-store.ts'))})
      const { store } = openStore(${JSON.stringify(disk.path)}, { raise() {}, clear() {}, list: () => [] }, 0)
      store.migrate('test', ${JSON.stringify(THINGS)})
      store.write((db) => db.prepare("INSERT INTO thing VALUES ('old')").run())
      process.kill(process.pid, 'SIGKILL')`, '--input-type=module'], { stdio: 'ignore' })
  } catch (error) {
    assert.is((error as { signal?: string }).signal, 'SIGKILL')
  }
  try {
    assert.ok(existsSync(join(disk.path, 'postern.db-wal')))
    disk.remount('ro')
    const health = healthList()
    prepareDataDirectory(disk.path)
    assert.is(lockStore(disk.path, 0), undefined)
    const opened = openStore(disk.path, health, clock.now())
    opened.store.migrate('test', THINGS)
    assert.equal(names(opened.store), ['old'])
    assert.equal(health.list().map(({ code }) => code), ['STORE_READONLY'])
    assert.is(codeOf(() => put(opened.store, 'new')), 'STORE_READONLY')
    assert.equal(names(opened.store), ['old'])
    opened.close()
  } finally {
    disk.unmount()
  }
})

test('a data directory that cannot be made gives one clear error', () => {
  const file = join(testDirectory(), 'file')
  writeFileSync(file, '')
  assert.throws(() => prepareDataDirectory(join(file, 'data')), (error: Error) => error instanceof GatewayError && /the data directory .*file\/data cannot be made: ENOTDIR/.test(error.message) && !error.message.includes('\n'))
})

test('one process holds a data directory; a killed one gives it back', async () => {
  const directory = testDirectory()
  const lock = lockStore(directory, 0)
  assert.ok(lock)
  assert.is(codeOf(() => lockStore(directory, 0)), 'ALREADY_RUNNING')
  lock?.release()
  const { spawn } = await import('node:child_process')
  const script = `
    const { lockStore } = await import(${JSON.stringify(join(import.meta.dirname, 'store-lock.ts'))})
    lockStore(${JSON.stringify(directory)}, 0)
    process.stdout.write('locked')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  assert.is(codeOf(() => lockStore(directory, 0)), 'ALREADY_RUNNING')
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  lockStore(directory, 0)?.release()
})

test.run()
