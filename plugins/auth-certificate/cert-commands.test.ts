import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuditEntry, CommandInput, CommandResult, Sessions } from '../../core/api.ts'
import { HealthList } from '../../core/health-list.ts'
import { openStore } from '../../core/store/open-store.ts'
import { TestClock, testDirectory, TestLog } from '../../core/testing.ts'
import { createX509 } from '../../native/index.ts'
import { CertCommands } from './cert-commands.ts'
import { IssuedTable } from './issued-table.ts'
import { nextUpdateOf } from './list-times.ts'
import { MIGRATIONS } from './migrations.ts'
import { OwnAuthority } from './own-authority.ts'
import { PinTable } from './pin-table.ts'
import { Trust } from './trust.ts'

const directory = testDirectory()
const clock = new TestClock(Date.now())
const { store } = openStore(directory, new HealthList(clock, new TestLog()), clock.now())
store.migrate('auth-certificate', MIGRATIONS)
const issued = new IssuedTable(store)
const pins = new PinTable(store)
const authority = new OwnAuthority(join(directory, 'auth-certificate'), 'vpn.example.com', issued, clock)
const audit: AuditEntry[] = []
const ended: string[] = []
const x509 = createX509()
const trust = new Trust(x509)
const commands = new CertCommands({
  directory, authority, issued, pins, clock,
  audit: { record: (entry) => void audit.push(entry), list: () => [] },
  sessions: { list: () => [{ id: 'S1', user: 'Alice' }, { id: 'S2', user: 'bob' }], end: (id: string) => void ended.push(id) } as unknown as Sessions,
  pkcs12: (parts) => x509.pkcs12({ ...parts, modern: false }),
  changed: () => trust.use(authority.parts()),
})
const run = async (path: string, args: CommandInput['args'] = {}, options: CommandInput['options'] = {}, secret?: string): Promise<CommandResult> =>
  (commands.handlers[path] as (input: CommandInput) => CommandResult | Promise<CommandResult>)({ args, options, actor: 'cli', ...(secret !== undefined && { secret }) })
const refusal = async (promise: Promise<unknown>): Promise<string> => promise.then(() => 'was not refused', (error: unknown) => (error as Error).message)
const openssl = (...argv: readonly string[]): string => execFileSync('openssl', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

interface Made {
  readonly serial: string
  readonly file: string
  readonly password: string
}
const verdict = (leaf: Uint8Array): string => trust.verify([leaf], clock.now(), { stale: false, listed: true })?.text ?? 'nobody is trusted'
const leafOf = ({ file, password }: Made): Uint8Array => new X509Certificate(openssl('pkcs12', '-in', file, '-passin', `pass:${password}`, '-clcerts', '-nokeys')).raw

test('G20 a certificate is issued as a file that openssl reads, and its own authority is trusted at once; revoked, at once no more', async () => {
  const { data, text } = await run('cert issue', { user: 'alice' }, { days: 30 })
  const made = data as Made
  assert.is(statSync(made.file).mode & 0o777, 0o600)
  assert.ok(text?.includes(made.password), 'a password that was generated is shown once')
  assert.match(openssl('pkcs12', '-in', made.file, '-passin', `pass:${made.password}`, '-nodes'), /BEGIN PRIVATE KEY/)
  const leaf = leafOf(made)
  assert.is(new X509Certificate(leaf).subject, 'CN=alice')
  assert.is(verdict(leaf), '')
  for (const file of ['ca.key', 'ca.pem', 'ca.crl']) assert.is(statSync(join(directory, 'auth-certificate', file)).mode & 0o777, 0o600)
  assert.match(openssl('crl', '-in', join(directory, 'auth-certificate', 'ca.crl'), '-CAfile', join(directory, 'auth-certificate', 'ca.pem'), '-noout', '-text'), /No Revoked Certificates/)

  const second = (await run('cert issue', { user: 'alice' }, {}, 'a password of mine')).data as Made
  assert.is(second.password, undefined)
  const { data: revoked } = await run('cert revoke', { name: made.serial })
  assert.equal(revoked, { revoked: [{ serial: made.serial, user: 'alice' }], sessionsEnded: 1 })
  assert.equal(ended, ['S1'])
  assert.match(verdict(leaf), /revoked/)
  assert.is(verdict(leafOf({ ...second, password: 'a password of mine' })), '', 'the other one is as good as before')
  const rows = (await run('cert list')).data as readonly { state: string }[]
  assert.equal(rows.map(({ state }) => state).sort(), ['revoked', 'valid'])
  assert.match(await refusal(run('cert revoke', { name: made.serial })), /no such certificate/)
  assert.ok((nextUpdateOf(authority.parts().lists[0] as Uint8Array) ?? 0) > clock.now() + 80 * 86_400_000)
  assert.equal(audit.map(({ action, subject, ok }) => [action, subject, ok]), [['cert.issue', 'alice', true], ['cert.issue', 'alice', true], ['cert.revoke', made.serial, true], ['cert.revoke', made.serial, false]])
  assert.not.ok(JSON.stringify(audit).includes(made.password))
})

test('what cannot be issued is refused in one line', async () => {
  assert.match(await refusal(run('cert issue', { user: 'two words' })), /user name/)
  assert.match(await refusal(run('cert issue', { user: 'bob' }, { days: 0 })), /--days/)
  assert.match(await refusal(run('cert issue', { user: 'bob' }, { out: 'bob.p12' })), /whole path/)
  assert.match(await refusal(run('cert issue', { user: 'bob' }, { out: join(directory, 'postern.db') })), /exists already/)
  assert.match(await refusal(run('cert issue', { user: 'bob' }, {}, 'short')), /at least 8/)
})

test('G20 pins are made of a file or a fingerprint, listed, and taken back', async () => {
  const file = join(directory, 'auth-certificate', 'ca.pem')
  const fingerprint = new X509Certificate(readFileSync(file)).fingerprint256
  await run('cert pin', { user: 'carol', file })
  assert.equal(pins.fingerprints('Carol'), [fingerprint.replaceAll(':', '').toLowerCase()])
  assert.is(pins.userOf(fingerprint.replaceAll(':', '').toLowerCase()), 'carol')
  assert.match(await refusal(run('cert pin', { user: 'carol' })), /give the file/)
  assert.match(await refusal(run('cert pin', { user: 'carol' }, { fingerprint: 'abc' })), /64 hex digits/)
  await run('cert unpin', { fingerprint })
  assert.equal(pins.list(), [])
})

test.run()
