import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthBackend, AuthContext, AuthStep, SecondCertificate } from '../../core/api.ts'
import type { DialogueOutcome, Failure } from './dialogue-outcome.ts'
import { Dialogue, MAX_TRIES, NO_LOGIN_SUITS, type DialogueParts } from './dialogue.ts'
import { LoginPlaces, PLACE_LIMITS } from './login-places.ts'
import { loginContext, PasswordBackend } from './testing.ts'
import { certificate, CodeBackend, ListingGuard, multipleCertificate, refusing } from './testing-steps.ts'

const LEAF = new Uint8Array([0x30])
const values = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> => new Map(Object.entries(entries))
const start = (chains: readonly (readonly AuthBackend[])[], parts: Partial<DialogueParts> & { readonly with?: Partial<AuthContext> } = {}): Dialogue =>
  new Dialogue({ alternatives: chains.map((steps) => ({ names: steps.map(({ name }) => name), steps })), ...parts, context: { ...loginContext('192.0.2.1'), ...parts.with } })
/** Names of the fields, or what else came. */
const shape = (outcome: DialogueOutcome): unknown =>
  outcome.kind === 'form' ? [outcome.form.id, ...outcome.form.fields.map(({ name }) => name), ...(outcome.failure ? [`(${outcome.failure.shownAs ?? outcome.failure.reason})`] : [])]
    : outcome.kind === 'refused' ? outcome.failure.reason : outcome.kind === 'identity' ? outcome.identity.user : outcome.kind
const failureOf = (outcome: DialogueOutcome): Failure | undefined => (outcome.kind === 'form' || outcome.kind === 'refused' ? outcome.failure : undefined)

const right = values({ username: 'test', password: 'test123' })
const wrong = values({ username: 'test', password: 'x' })

test('G03 OR: the first alternative that suits the client is taken', async () => {
  const saml: AuthBackend = { ...refusing('saml', 'internal'), suits: ({ capabilities }) => capabilities.includes('single-sign-on-v2'), begin: () => ({ kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'sso', name: 'sso-token', label: '' }] }, answer: () => Promise.reject(new Error('never')) }) }
  const both = [[saml], [new PasswordBackend()]]
  assert.equal(shape(await start(both, { with: { capabilities: ['single-sign-on-v2'] } }).begin()), ['main', 'sso-token'])
  assert.equal(shape(await start(both).begin()), ['main', 'username', 'password'])
  const none = await start([[saml]]).begin()
  assert.equal([shape(none), failureOf(none)?.text], ['unavailable', NO_LOGIN_SUITS])
})
test('OR: who refuses before anything was asked gives way; when all do, the first says why', async () => {
  const passed: Failure[] = []
  const passedOver = (failure: Failure) => void passed.push(failure)
  assert.equal(shape(await start([[refusing('radius', 'unavailable', false)], [new PasswordBackend()]], { passedOver }).begin()), ['main', 'username', 'password'])
  assert.equal(passed.map(({ step, reason }) => [step, reason]), [['radius', 'unavailable']])
  const late = await start([[certificate(), refusing('local', 'unavailable', false)], [new PasswordBackend('radius')]], { with: { certificates: [LEAF] } }).begin()
  assert.equal(shape(late), ['main', 'username', 'password'])
  assert.is(shape(await start([[certificate({ kind: 'refused', reason: 'certificate-refused' })], [refusing('radius', 'unavailable', false)]], { with: { certificates: [LEAF] } }).begin()), 'certificate-refused')
})
test('G20 a certificate is asked for once, and then never again in this dialogue', async () => {
  const chains = [[certificate()], [new PasswordBackend()]]
  const one = start(chains)
  assert.is(shape(await one.begin()), 'certificate-wanted')
  assert.ok(one.certificateWanted)
  assert.equal(shape(await one.begin()), ['main', 'username', 'password'])
  assert.equal(shape(await start(chains, { with: { certificateMissing: true } }).begin()), ['main', 'username', 'password'])
  assert.is(shape(await start([[certificate()]], { with: { certificateMissing: true } }).begin()), 'certificate-refused')
  assert.is(shape(await start(chains, { with: { certificates: [LEAF] } }).begin()), 'test', 'who shows one at once is not asked')
  const stubborn = await start([[certificate({ kind: 'certificate-wanted' })]], { with: { certificates: [LEAF] } }).begin()
  assert.is(shape(stubborn), 'certificate-refused')
})
test('G20 a second certificate is asked for once, before the password; what came counts for the whole dialogue', async () => {
  const shown = (text: string): SecondCertificate => ({ certificates: Buffer.from(text), hash: 'sha256', signature: new Uint8Array(1), signed: new Uint8Array(1) })
  const heard: (SecondCertificate | undefined)[] = []
  const one = start([[multipleCertificate(heard), new PasswordBackend()]], { with: { certificates: [LEAF] } })
  assert.is(shape(await one.begin()), 'second-certificate')
  assert.ok(one.secondCertificateWanted)
  assert.equal(shape(await one.show(shown('second'))), ['main', 'password'])
  assert.not(one.secondCertificateWanted)
  assert.equal(shape(await one.answer(values({ password: 'wrong' }))), ['main', 'password', '(wrong-credentials)'])
  assert.is(shape(await one.answer(values({ password: 'test123' }))), 'test')
  assert.equal(heard, [shown('second'), shown('second')])
  for (const wrong of [shown('other'), undefined]) {
    const passed: Failure[] = []
    const [alone, either] = [start([[multipleCertificate()]]), start([[multipleCertificate()], [multipleCertificate(), new PasswordBackend('radius')], [new PasswordBackend()]], { passedOver: (failure) => void passed.push(failure) })]
    await alone.begin()
    assert.is(shape(await alone.show(wrong)), 'certificate-refused')
    await either.begin()
    assert.equal(shape(await either.show(wrong)), ['main', 'username', 'password'])
    assert.equal(passed.map(({ step, detail }) => [step, detail]), [['multiple-certificate', 'the second is wrong'], ['multiple-certificate', 'the second is wrong']])
  }
})
test('G20 AND: the name of the certificate is not asked for again, and is the one that counts', async () => {
  const local = new PasswordBackend()
  const one = start([[certificate(), local]], { with: { certificates: [LEAF] } })
  assert.equal(shape(await one.begin()), ['main', 'password'])
  assert.is(shape(await one.answer(values({ username: 'mallory', password: 'test123' }))), 'test')
  const other = start([[certificate({ kind: 'identity', identity: { user: 'alice', groups: [], source: 'certificate' } }), { ...refusing('local', 'locked'), begin: () => ({ kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'password', name: 'password', label: '' }] }, answer: () => Promise.resolve({ kind: 'identity', identity: { user: 'bob', groups: [], source: 'local' } }) }) }]], { with: { certificates: [LEAF] } })
  await other.begin()
  const differing = await other.answer(values({ password: 'x' }))
  assert.equal([shape(differing), failureOf(differing)?.detail], [['main', 'password', '(wrong-credentials)'], 'names bob, the step before it alice'])
})
test('local OR radius: one form, one failure for the guard, and who knows the password decides', async () => {
  const guard = new ListingGuard()
  const [first, second] = [new PasswordBackend('local', 'bob', 'bob-word'), new PasswordBackend('radius')]
  const one = start([[first], [second]], { guards: [guard] })
  await one.begin()
  const failed = await one.answer(wrong)
  assert.equal([shape(failed), failureOf(failed)?.detail], [['main', 'username', 'password', '(wrong-credentials)'], 'radius: wrong-credentials'])
  assert.equal([first.asked, second.asked, guard.heard], [1, 1, ['admit test', 'failed test']])
  const done = await one.answer(right)
  assert.equal(done.kind === 'identity' && [done.identity.source, done.chain], ['radius', ['radius']])
  assert.equal(guard.heard.slice(2), ['admit test', 'succeeded test'])
})
test('local OR radius: a server that is down makes a right password of the other no wrong one, and a wrong one no right one', async () => {
  const one = start([[refusing('radius', 'unavailable')], [new PasswordBackend('local')]])
  await one.begin()
  assert.equal(shape(await one.answer(wrong)), ['main', 'username', 'password', '(wrong-credentials)'])
  assert.is(shape(await one.answer(right)), 'test')
  const down = start([[refusing('radius', 'unavailable')]])
  await down.begin()
  assert.is(shape(await down.answer(right)), 'unavailable')
})
test('another form is not answered with what was typed into the first', async () => {
  const code = new CodeBackend()
  const one = start([[new PasswordBackend()], [code]])
  await one.begin()
  assert.equal(shape(await one.answer(wrong)), ['main', 'username', 'password', '(wrong-credentials)'])
})

test('nobody learns which step failed: the same forms in the same number, and one text at the end', async () => {
  const journey = async (password: string, code: string, friendly = false): Promise<unknown[]> => {
    const one = start([[new PasswordBackend(), new CodeBackend()]], { friendly })
    await one.begin()
    const second = await one.answer(values({ username: 'test', password }))
    if (second.kind !== 'form' || second.failure) return [shape(second), failureOf(second)?.text]
    const third = await one.answer(values({ password: code }))
    return [shape(second), shape(third), failureOf(third)?.text]
  }
  const hidden = [['challenge', 'answer'], ['main', 'username', 'password', '(wrong-credentials)'], undefined]
  assert.equal(await journey('x', '42'), hidden)
  assert.equal(await journey('x', '0'), hidden)
  assert.equal(await journey('test123', '0'), hidden)
  assert.equal(await journey('test123', '42'), [['challenge', 'answer'], 'test', undefined])
  assert.equal(await journey('x', '42', true), [['main', 'username', 'password', '(wrong-credentials)'], undefined])
  assert.equal(await journey('test123', '0', true), [['challenge', 'answer'], ['main', 'username', 'password', '(wrong-credentials)'], 'The code is wrong.'])
})
test('a decoy never leads in: the rest of the chain may say yes to anything', async () => {
  const gullible: AuthBackend = { name: 'totp', begin: () => ({ kind: 'identity', identity: { user: 'test', groups: [], source: 'totp' } }) }
  const one = start([[new PasswordBackend(), gullible, gullible]])
  await one.begin()
  assert.equal(shape(await one.answer(wrong)), ['main', 'username', 'password', '(wrong-credentials)'])
  const unable = start([[new PasswordBackend(), refusing('x', 'unavailable', false)]])
  await unable.begin()
  assert.equal(shape(await unable.answer(wrong)), ['main', 'username', 'password', '(wrong-credentials)'])
})
test('a decoy goes by the name that was typed; log and audit hear only names a back-end vouches for', async () => {
  const code = new CodeBackend()
  const one = start([[{ ...refusing('local', 'wrong-credentials'), begin: () => ({ kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }] }, answer: () => Promise.resolve({ kind: 'refused', reason: 'wrong-credentials' }) }) }, code]])
  await one.begin()
  await one.answer(values({ username: ' my secret! ' }))
  assert.equal(code.seen.map(({ decoy, identity }) => [decoy, identity?.user]), [[true, 'my secret!']])
  const end = await one.answer(values({ password: '1' }))
  assert.is(failureOf(end)?.user, undefined)
  assert.is(failureOf(end)?.step, 'local')
})
test('a locked account behind a chain of several is told to the administrator alone', async () => {
  const one = start([[refusing('local', 'locked'), new CodeBackend()]])
  await one.begin()
  assert.equal(shape(await one.answer(right)), ['challenge', 'answer'])
  const end = await one.answer(values({ password: '42' }))
  assert.equal([shape(end), failureOf(end)?.reason, failureOf(end)?.text], [['main', 'username', 'password', '(wrong-credentials)'], 'locked', undefined])
  const alone = start([[refusing('local', 'locked')]])
  await alone.begin()
  assert.equal([shape(await alone.answer(right))], ['locked'])
})

test('a new password is asked for behind the rest of the chain, never of who knows the old one alone', async () => {
  const changes: string[] = []
  const passwd: AuthStep = {
    kind: 'form', form: { id: 'passwd', message: 'New', fields: [{ kind: 'password', name: 'new_password', label: '' }] },
    answer: (answers) => {
      changes.push(answers.get('new_password') ?? '')
      return Promise.resolve(changes.length === 1 ? passwd : { kind: 'identity', identity: { user: 'Test', groups: ['staff'], source: 'local' } })
    },
  }
  const local: AuthBackend = { ...refusing('local', 'locked'), begin: () => ({ kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }, { kind: 'password', name: 'password', label: '' }] }, answer: (answers) => Promise.resolve(answers.get('password') === 'test123' ? passwd : { kind: 'refused', reason: 'wrong-credentials' }) }) }
  const guard = new ListingGuard()
  const one = start([[local, new CodeBackend()]], { guards: [guard] })
  await one.begin()
  for (const [word, code] of [[wrong, '42'], [right, '41']] as const) {
    assert.equal(shape(await one.answer(word)), ['challenge', 'answer'])
    assert.equal(shape(await one.answer(values({ password: code }))), ['main', 'username', 'password', '(wrong-credentials)'])
  }
  assert.equal(changes, [])
  await one.answer(right)
  assert.equal(shape(await one.answer(values({ password: '42' }))), ['passwd', 'new_password'])
  assert.equal(shape(await one.answer(values({ password: 'too short' }))), ['passwd', 'new_password'], 'its own rules ask again')
  const done = await one.answer(values({ password: 'long enough' }))
  assert.equal(done.kind === 'identity' && [done.identity, done.chain], [{ user: 'test', groups: ['staff'], source: 'local+totp' }, ['local', 'totp']])
  assert.equal(changes, ['too short', 'long enough'])
  assert.equal(guard.heard.filter((line) => line.startsWith('succeeded')), ['succeeded test'])
  const alone = start([[local]])
  await alone.begin()
  assert.equal(shape(await alone.answer(right)), ['passwd', 'new_password'])
})

test('the guard is asked once for each run of the chain and told once how it ended', async () => {
  const guard = new ListingGuard()
  const one = start([[new PasswordBackend(), new CodeBackend()]], { guards: [guard] })
  await one.begin()
  await one.answer(values({ username: '' }))
  assert.equal(guard.heard, [], 'the empty name of Cisco\'s clients is no attempt')
  for (const [password, code] of [['x', '42'], ['test123', '0'], ['test123', '42']] as const) {
    await one.answer(values({ username: 'test', password }))
    await one.answer(values({ password: code }))
  }
  assert.equal(guard.heard, ['admit test', 'failed test', 'admit test', 'failed test', 'admit test', 'succeeded test'])
})
test('a refusal of the guard ends the dialogue with its own text, and the back-end is not asked', async () => {
  const guard = new ListingGuard()
  guard.refusal = { reason: 'banned', text: 'Try again in 12 minutes.' }
  const local = new PasswordBackend()
  const one = start([[local]], { guards: [guard] })
  await one.begin()
  const refused = await one.answer(right)
  assert.equal([shape(refused), failureOf(refused)?.text, failureOf(refused)?.step, local.asked], ['banned', 'Try again in 12 minutes.', 'guard', 0])
  one.abandon()
  assert.equal(guard.heard, ['admit test'])
})
test('trusted: the cookie of a session, or a certificate that was accepted', async () => {
  const told = async (chains: readonly (readonly AuthBackend[])[], parts: Parameters<typeof start>[1]): Promise<readonly string[]> => {
    const guard = new ListingGuard()
    const one = start(chains, { ...parts, guards: [guard] })
    await one.begin()
    await one.answer(wrong)
    return guard.heard
  }
  assert.equal(await told([[new PasswordBackend()]], {}), ['admit test', 'failed test'])
  assert.equal(await told([[new PasswordBackend()]], { trusted: true }), ['admit test trusted', 'failed test'])
  assert.equal(await told([[certificate(), new PasswordBackend()]], { with: { certificates: [LEAF] } }), ['admit test trusted', 'failed test'])
  assert.equal(await told([[certificate({ kind: 'refused', reason: 'certificate-refused' })], [new PasswordBackend()]], { with: { certificates: [LEAF] } }), ['admit test', 'failed test'])
})
test('who leaves between two steps has failed, with a right password as with a wrong one', async () => {
  const left: (Failure | undefined)[] = []
  for (const password of ['test123', 'x']) {
    const guard = new ListingGuard()
    const one = start([[new PasswordBackend(), new CodeBackend()]], { guards: [guard], abandoned: (failure) => void left.push(failure) })
    await one.begin()
    one.abandon()
    await one.answer(values({ username: 'test', password }))
    one.abandon()
    assert.equal(guard.heard, ['admit test', 'failed test'])
  }
  assert.equal(left.map((failure) => [failure?.user, failure?.step, failure?.detail]), [['test', 'totp', 'the client did not go on'], ['test', 'local', 'the client did not go on']])
  const guard = new ListingGuard()
  const untouched = start([[new PasswordBackend()]], { guards: [guard] })
  await untouched.begin()
  untouched.abandon()
  assert.equal(guard.heard, [])
})
test('G27 answers judged at once are bounded for each user and network, for each user, and in all; the trusted need no place of the user', () => {
  const places = new LoginPlaces()
  const own = Array.from({ length: PLACE_LIMITS.perUserAndNetwork }, () => places.enter('Bob', '192.0.2.1', false))
  assert.ok(own.every(Boolean))
  assert.is(places.enter('bob', '192.0.2.1', false), undefined)
  assert.ok(places.enter('bob', '192.0.2.1', true))
  assert.ok(places.enter('alice', '192.0.2.1', false))
  let elsewhere = 0
  for (let network = 0; network < 20; network++) if (places.enter('bob', `10.0.${network}.1`, false)) elsewhere++
  assert.is(elsewhere, PLACE_LIMITS.perUser - PLACE_LIMITS.perUserAndNetwork)
  own[0]?.()
  own[0]?.()
  assert.ok(places.enter('bob', '192.0.2.1', false))
  assert.is(places.enter('bob', '192.0.2.1', false), undefined)
  let more = 0
  while (places.enter(undefined, '192.0.2.1', false)) more++
  assert.is(places.size, PLACE_LIMITS.total)
  assert.ok(more > 0)
})
test('G27 an answer beyond the bound waits at its form and costs nothing', async () => {
  let release: (step: AuthStep) => void = () => undefined
  const slow: AuthBackend = { ...refusing('local', 'locked'), begin: () => ({ kind: 'form', form: { id: 'main', message: '', fields: [{ kind: 'text', name: 'username', label: '' }] }, answer: () => new Promise((done) => { release = done }) }) }
  const places = new LoginPlaces()
  for (let taken = 1; taken < PLACE_LIMITS.perUserAndNetwork; taken++) places.enter('test', '192.0.2.1', false)
  const [one, other] = [start([[slow]], { places }), start([[slow]], { places })]
  await one.begin()
  await other.begin()
  const first = one.answer(values({ username: 'test' }))
  await new Promise((done) => setImmediate(done))
  assert.is((await other.answer(values({ username: 'test' }))).kind, 'busy')
  release({ kind: 'identity', identity: { user: 'test', groups: [], source: 'local' } })
  assert.is(shape(await first), 'test')
  const second = other.answer(new Map())
  await new Promise((done) => setImmediate(done))
  release({ kind: 'identity', identity: { user: 'test', groups: [], source: 'local' } })
  assert.is(shape(await second), 'test', 'what was typed is still there')
  assert.is(other.failures, 0)
})
test('wrong answers count over all alternatives and steps', async () => {
  const one = start([[new PasswordBackend(), new CodeBackend()], [refusing('radius', 'wrong-credentials')]])
  await one.begin()
  for (let round = 1; round <= MAX_TRIES; round++) {
    assert.equal(shape(await one.answer(wrong)), ['challenge', 'answer'])
    const end = await one.answer(values({ password: '1' }))
    assert.equal(shape(end), round < MAX_TRIES ? ['main', 'username', 'password', '(wrong-credentials)'] : 'too-many-tries')
  }
})

test.run()
