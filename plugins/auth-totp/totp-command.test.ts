import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { TOTP } from 'otpauth';
import { Secret, URI } from 'otpauth'
import { GatewayError, type CommandInput, type CommandResult } from '../../core/api.ts'
import { keyFrom } from './key-file.ts'
import { qrSvg, qrText } from './qr-code.ts'
import { totpFixture } from './testing.ts'
import { totpCommand, totpRecords } from './totp-command.ts'

function fixture(settings = {}) {
  const totp = totpFixture(settings)
  const command = totpCommand({ ...totp, knows: (user) => user === 'alice' })
  const run = (name: string, options: CommandInput['options'] = {}): CommandResult => command({ args: { name }, options, actor: 'cli' }) as CommandResult
  return { ...totp, run }
}
interface Data { readonly name: string; readonly uri: string; readonly secret: string; readonly recoveryCodes: readonly string[] }

function refusal(work: () => unknown): GatewayError {
  try {
    work()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('was not refused')
}

test('G22 an enrolment prints what an authenticator app reads, and only when asked recovery codes', () => {
  const { run, table } = fixture()
  const { data, text, picture } = run('alice')
  const { uri, secret, recoveryCodes } = data as Data
  const parsed = URI.parse(uri) as TOTP
  assert.equal([parsed.issuer, parsed.label, parsed.algorithm, parsed.digits, parsed.period, parsed.secret.base32], ['vpn.example.com', 'alice', 'SHA1', 6, 30, secret])
  assert.equal(Buffer.from(table.secret('alice')!), Buffer.from(Secret.fromBase32(secret).bytes))
  assert.is(text, `${uri}\n`)
  assert.is(picture, qrText(uri))
  assert.equal(recoveryCodes, [])
  const other = run('bob', { 'show-recovery': true })
  assert.is((other.data as Data).recoveryCodes.length, 10)
  assert.match(other.text ?? '', /bob is no user of the gateway itself[^]*recovery codes/)
})

test('G22 an enrolled user keeps the key until it is reset; recovery codes can be made anew', () => {
  const { run, table, entries } = fixture()
  run('alice', { 'show-recovery': true })
  const secret = table.secret('alice')
  assert.match(refusal(() => run('Alice')).message, /^alice has a second factor since 2026-11-21: take it away with --reset/)
  const [first] = (run('alice', { 'show-recovery': true }).data as Data).recoveryCodes
  assert.equal(table.secret('alice'), secret)
  assert.ok(table.useRecoveryCode('alice', first!.replaceAll('-', '')))
  assert.match(run('alice', { reset: true }).text ?? '', /the next login sets another one up/)
  assert.is(table.get('alice'), undefined)
  assert.is(refusal(() => run('alice', { reset: true })).message, 'alice has no second factor')
  assert.is(refusal(() => run('alice', { reset: true, 'show-recovery': true })).code, 'USAGE')
  assert.is(refusal(() => run('a b')).code, 'USAGE')
  assert.equal(entries.map(({ ok, detail }) => [ok, detail]), [[true, 'enrolled'], [false, 'enrolled: REFUSED'], [true, 'recovery codes'], [true, 'reset'], [false, 'reset: REFUSED']])
  assert.match(fixture({ enrol: 'admin' }).run('bob', {}).text ?? '', /otpauth/)
})

test('user show says since when and how many recovery codes are left; a removed user leaves nothing', () => {
  const { run, table } = fixture()
  const records = totpRecords(table)
  assert.equal(records.describe('alice'), { data: { totp: null }, text: 'totp: none' })
  run('alice', { 'show-recovery': true })
  assert.equal(records.describe('ALICE'), { data: { totp: { enrolledAt: '2026-11-21T08:00:00.000Z', recoveryCodesLeft: 10 } }, text: 'totp: enrolled since 2026-11-21, 10 recovery codes left' })
  records.forget('alice')
  assert.is(table.get('alice'), undefined)
})

test('the picture is the code with its quiet zone, in text and as SVG', () => {
  const lines = qrText('otpauth://totp/x').trimEnd().split('\n')
  assert.ok(lines.every((line) => line.length === lines[0]!.length && line.startsWith('████') && line.endsWith('████')))
  assert.is(lines[0]!.length, 33, '25 modules and four on each side')
  assert.match(qrSvg('otpauth://totp/x', 'Key'), /^<svg [^>]*viewBox="0 0 33 33"[^>]*aria-label="Key"/)
})

test('the key is made once with mode 0600, found again, and a damaged one is moved aside with a health entry', () => {
  const folder = mkdtempSync(join(tmpdir(), 'totp-key-'))
  try {
    const file = join(folder, 'key')
    const raised: string[] = []
    const health = { raise: (code: string) => void raised.push(code) }
    const key = keyFrom(file, health)
    assert.is(statSync(file).mode & 0o777, 0o600)
    assert.equal(keyFrom(file, health), key)
    assert.equal(raised, [])
    writeFileSync(file, 'rubbish')
    assert.not.equal(keyFrom(file, health), key)
    assert.equal(raised, ['TOTP_KEY'])
    assert.is(readFileSync(`${file}.damaged`, 'utf8'), 'rubbish')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
