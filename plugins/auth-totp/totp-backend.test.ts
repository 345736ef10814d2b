import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Secret } from 'otpauth'
import type { AuthStep } from '../../core/api.ts'
import { FIRST_CODE_TRIES } from './enrolling.ts'
import { makeRecoveryCodes, recoveryCodeIn } from './recovery-code.ts'
import { Seal } from './seal.ts'
import { BURST, REFILL_MS } from './second-factor.ts'
import { answered, contextOf, formOf, keyIn, totpFixture } from './testing.ts'
import { codeOf, STEP_MS, stepAt } from './totp-code.ts'
import { TotpTable } from './totp-table.ts'

const SECRET = Buffer.from('12345678901234567890')
const RECOVERY = makeRecoveryCodes()

function enrolled() {
  const fixture = totpFixture()
  fixture.table.enrol('Alice', SECRET, 0, 0, RECOVERY)
  const now = () => codeOf(SECRET, stepAt(fixture.clock.now()))
  const login = (code: string, backend = fixture.backend()): Promise<AuthStep> => answered(backend.begin(contextOf('alice')), code)
  return { ...fixture, now, login }
}
const why = (step: AuthStep): string | undefined => (step.kind === 'refused' ? (step.detail ?? step.reason) : undefined)

test('G22 a right code proves the user whom the step before has proved', async () => {
  const { login, now, backend } = enrolled()
  const { form } = formOf(backend().begin(contextOf('alice')))
  assert.is(form.id, 'challenge')
  assert.equal(form.fields.map(({ kind, name }) => [kind, name]), [['password', 'password']])
  assert.equal(await login(now()), { kind: 'identity', identity: { user: 'alice', groups: [], source: 'totp' } })
})

test('G22 a code counts once: later, in another login, after a restart, and none before it', async () => {
  const { login, now, backend, clock } = enrolled()
  const two = [backend(), backend()]
  const both = await Promise.all(two.map((one) => login(now(), one)))
  assert.equal(both.map(({ kind }) => kind).sort(), ['identity', 'refused'])
  assert.equal([why(await login(now(), two[0])), why(await login(now()))], ['the code was used before', 'the code was used before'])
  assert.is(why(await login(codeOf(SECRET, stepAt(clock.now()) - 1))), 'the code was used before')
  clock.advance(STEP_MS)
  assert.is((await login(now())).kind, 'identity')
})

test('G22 a recovery code works once in the same field, however it is typed', async () => {
  const { login, table, entries } = enrolled()
  const [first = '', second = ''] = RECOVERY
  assert.is((await login(first.toLowerCase().replaceAll('-', ' '))).kind, 'identity')
  assert.is(why(await login(first)), 'wrong code')
  assert.is((await login(second)).kind, 'identity')
  assert.is(table.get('alice')?.recoveryCodesLeft, 8)
  assert.equal(entries.map(({ detail }) => detail), ['recovery code used, 9 left', 'recovery code used, 8 left'])
})

test('recovery codes of one user are none of another, and no stored form of them can be typed', async () => {
  const { table, store } = enrolled()
  table.enrol('bob', SECRET, 0, 0, makeRecoveryCodes())
  assert.not.ok(table.useRecoveryCode('bob', recoveryCodeIn(RECOVERY[0]!)!))
  const rows = store.read((db) => db.prepare('SELECT hash FROM totp_recovery').pluck().all()) as Buffer[]
  assert.ok(rows.every((hash) => hash.length === 32))
  assert.is(new Set(rows.map((hash) => hash.toString('hex'))).size, 20)
})

test('a step before that failed is asked for a code like any other, and every answer is wrong', async () => {
  const { backend, now, table } = enrolled()
  const real = formOf(backend().begin(contextOf('alice')))
  for (const context of [contextOf('alice', { decoy: true }), contextOf(undefined, { decoy: true }), contextOf('nobody', { decoy: true })]) {
    const step = formOf(backend().begin(context))
    assert.equal(step.form, real.form)
    assert.equal(await answered(step, now()), { kind: 'refused', reason: 'wrong-credentials' })
    assert.equal(await answered(step, RECOVERY[0]!), { kind: 'refused', reason: 'wrong-credentials' })
  }
  assert.is(table.get('alice')?.recoveryCodesLeft, 10)
})

test('G22 where it is allowed, six digits behind the password are the code, right or wrong without a form', async () => {
  const { table, clock, backend } = totpFixture({ appended: true })
  table.enrol('alice', SECRET, 0, 0, [])
  const typed = (password: string) => backend().detach(new Map([['username', 'alice'], ['password', password]]))
  const code = codeOf(SECRET, stepAt(clock.now()))
  assert.equal([...typed(`horse 7${code}`)!.rest], [['username', 'alice'], ['password', 'horse 7']])
  assert.is(typed(`horse 7${code}`)!.detached, code)
  assert.equal(['', code, 'horse', `horse${code} `].map(typed), [undefined, undefined, undefined, undefined])
  assert.is(totpFixture().backend().detach(new Map([['password', `horse${code}`]])), undefined)
  assert.equal(backend().begin(contextOf('alice', { detached: code, decoy: true })), { kind: 'refused', reason: 'wrong-credentials' })
  assert.is((backend().begin(contextOf('alice', { detached: code }))).kind, 'identity')
  assert.is(why(backend().begin(contextOf('alice', { detached: code }))), 'the code was used before')
  assert.is(backend().begin(contextOf('alice')).kind, 'form')
  assert.match(formOf(backend().begin(contextOf('bob', { detached: code }))).form.message, /needs a second factor/)
})

test('without a proved user nothing is asked', () => {
  assert.is((totpFixture().backend().begin(contextOf(undefined)) as { reason?: string }).reason, 'unavailable')
})

test('who guesses codes is judged ten times, then once in five minutes; a right one clears the score', async () => {
  const { login, now, clock, backend } = enrolled()
  const one = backend()
  for (let i = 0; i < BURST; i++) assert.is(why(await login('000000', one)), 'wrong code')
  assert.match(why(await login(now(), one)) ?? '', /^too many wrong codes/)
  clock.advance(REFILL_MS)
  assert.is(why(await login('000000', one)), 'wrong code')
  assert.match(why(await login(now(), one)) ?? '', /^too many wrong codes/)
  clock.advance(REFILL_MS)
  assert.is((await login(now(), one)).kind, 'identity')
  for (let i = 0; i < BURST; i++) assert.is(why(await login('000000', one)), 'wrong code')
})

test('G22 enrolment at the first login: shown, confirmed by a right code alone, recovery codes once', async () => {
  const { backend, clock, table, entries, log } = totpFixture()
  let step = backend().begin(contextOf('Bob'))
  const { message, id } = formOf(step).form
  assert.is(id, 'challenge')
  const key = keyIn(formOf(step).form)
  assert.match(message, new RegExp(`\\n${key.replace(/(.{4})(?=.)/g, '$1 ')}\\notpauth://totp/vpn\\.example\\.com:Bob\\?`))
  assert.not.match(message, /%/, 'clients take a percent sign for the place of a parameter')
  step = await answered(step, '123')
  assert.is(keyIn(formOf(step).form), key, 'the same key again')
  assert.is(table.get('bob'), undefined)
  const code = codeOf(Secret.fromBase32(key).bytes, stepAt(clock.now()))
  step = await answered(step, code)
  const codes = formOf(step).form.message.split('\n').slice(1)
  assert.is(codes.length, 10)
  assert.is((await answered(step, '')).kind, 'identity')
  assert.equal(table.get('bob')?.recoveryCodesLeft, 10)
  assert.is(why(await answered(backend().begin(contextOf('bob')), code)), 'the code was used before', 'that of the enrolment is used')
  assert.is((await answered(backend().begin(contextOf('bob')), codes[3]!)).kind, 'identity')
  assert.equal(entries.map(({ action, actor, detail }) => [action, actor, detail]).slice(0, 1), [['user.totp', 'Bob', 'enrolled']])
  assert.not.match(JSON.stringify([entries, log.lines]), new RegExp(`${key}|${code}|${codes[3]!}`))
})

test('of two enrolments at once the first counts, and wrong first codes are bounded', async () => {
  const { backend, clock, table } = totpFixture()
  const [one, other, third] = [backend().begin(contextOf('bob')), backend().begin(contextOf('bob')), backend().begin(contextOf('eve'))]
  const codeFor = (step: AuthStep): string => codeOf(Secret.fromBase32(keyIn(formOf(step).form)).bytes, stepAt(clock.now()))
  assert.is((await answered(one, codeFor(one))).kind, 'form')
  const kept = table.secret('bob')
  assert.is(why(await answered(other, codeFor(other))), 'enrolled meanwhile by another login')
  assert.equal(table.secret('bob'), kept)
  let step: AuthStep = third
  const right = codeFor(third)
  for (let i = 0; i < FIRST_CODE_TRIES; i++) step = await answered(step, '0')
  assert.is(why(step), 'no right first code')
  assert.is(why(await answered(third, right)), 'no right first code')
  assert.is(table.get('eve'), undefined)
})

test('with enrolment by the administrator alone a user without a second factor is told so', () => {
  const step = totpFixture({ enrol: 'admin' }).backend().begin(contextOf('bob'))
  assert.is(step.kind === 'refused' ? step.reason : '', 'unavailable')
  assert.match(step.kind === 'refused' ? (step.text ?? '') : '', /ask your administrator/)
})

test('a secret is sealed, for its user, under the key of the data directory', async () => {
  const { store, table, login, now, log } = enrolled()
  table.enrol('bob', SECRET, 0, 0, [])
  const sealed = store.read((db) => db.prepare('SELECT secret FROM totp').pluck().all()) as Buffer[]
  assert.ok(sealed.every((blob) => !blob.includes(SECRET)))
  store.write((db) => db.prepare("UPDATE totp SET secret = (SELECT secret FROM totp WHERE user = 'bob') WHERE user = 'alice'").run())
  assert.throws(() => table.secret('alice'), /cannot be opened/)
  assert.is(why(await login(now())), 'the second factor cannot be opened')
  assert.is(log.lines[0]?.level, 'error')
  assert.throws(() => new TotpTable(store, new Seal(Buffer.alloc(32, 8))).secret('bob'), /another one/)
  assert.equal(table.secret('BOB'), SECRET)
})

test.run()
