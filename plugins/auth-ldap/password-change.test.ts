import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthStep } from '../../core/api.ts'
import { changeProblem } from './password-change.ts'
import { POLICY, readPolicyAnswer, type PolicyAnswer } from './password-policy.ts'
import type { Answer, Request } from './scripted-directory.ts'
import { ACTIVE_DIRECTORY, ALICE, answer, CONTEXT, OWN, reasonOf, usual, withDirectory } from './testing.ts'

const FRESH = 'neu "ä" 7'
const typed = (step: AuthStep, password: string): Promise<AuthStep> => answer(step, { new_password: password })
const offer = async (step: AuthStep, password: string): Promise<AuthStep> => {
  const second = await typed(step, password)
  return second.kind === 'form' && /once more/.test(second.form.message) ? typed(second, password) : second
}
const messageOf = (step: AuthStep): string => (step.kind === 'form' ? step.form.message : JSON.stringify(step))
const kinds = (requests: readonly Request[]): readonly string[] => requests.map((request) => (request.kind === 'bind' ? `bind ${request.dn}` : request.kind))

/** Alice's password has to be changed: `state` says what a bind with it meets, `change` what a change of it. */
function directory(state: Answer, change: (fresh: string) => Answer = () => ({})) {
  const now = { password: 'right', state }
  const changed = (fresh: string): Answer => {
    const said = change(fresh)
    if (typeof said !== 'string' && !Buffer.isBuffer(said) && (said.code ?? 0) === 0) Object.assign(now, { password: fresh, state: {} })
    return said
  }
  return (request: Request): Answer => {
    if (request.kind === 'modify-password') return request.old === now.password ? changed(request.fresh) : { code: 53, diagnostic: 'unwilling to verify old password' }
    if (request.kind === 'modify') return changed(request.changes[1]?.slice('1 unicodePwd "'.length, -1) ?? '')
    return usual((_, password) => (password === now.password ? now.state : { code: 49 }))(request)
  }
}
const activeDirectory = (script: (request: Request) => Answer) => (request: Request): Answer =>
  request.kind === 'search' && request.base === '' ? { entries: [{ dn: '', attributes: { supportedCapabilities: ['1.2.840.113556.1.4.800'] } }] } : script(request)

test('G03 who must change the password does so in the dialogue, as the user, and is in with the new one', async () => {
  for (const state of [{ policy: { error: POLICY.mustChange } }, { policy: { graceLeft: 2 } }]) {
    await withDirectory(directory(state), async (login) => {
      const step = await login()
      assert.is(step.kind === 'form' && step.form.id, 'passwd')
      const before = login.requests.length
      assert.equal(await offer(step, FRESH), { kind: 'identity', identity: { user: 'Alice', groups: [], source: 'ldap' } })
      const after = login.requests.slice(before)
      assert.equal(kinds(after), ['search', `bind ${ALICE.dn}`, 'modify-password', `bind ${OWN['bind-dn']}`, 'search', `bind ${ALICE.dn}`])
      assert.equal(after[2], { kind: 'modify-password', dn: ALICE.dn, old: 'right', fresh: FRESH })
      assert.equal(login.audit, [{ action: 'user.passwd', actor: 'Alice', subject: 'Alice', peer: CONTEXT.peer, ok: true, detail: 'at the login, in the directory' }])
    })
  }
})
test('G03 an expired password that nobody may bind with is changed as the gateway, and only when it is right then', async () => {
  const expired: Answer = { code: 49, policy: { error: POLICY.expired } }
  await withDirectory(directory(expired), async (login) => {
    const step = await login()
    const before = login.requests.length
    assert.is(reasonOf(await offer(step, FRESH)), 'identity')
    assert.equal(kinds(login.requests.slice(before)).slice(0, 4), ['search', `bind ${ALICE.dn}`, `bind ${OWN['bind-dn']}`, 'modify-password'])
    assert.is(reasonOf(await login()), 'wrong-credentials')
    // Somebody else has changed it meanwhile.
    const late = await offer(step, 'third')
    assert.equal(late, { kind: 'refused', reason: 'wrong-credentials', user: 'Alice', detail: 'wrong password' })
    assert.is(login.audit.length, 1)
  })
  await withDirectory(directory(expired, () => ({ code: 50, diagnostic: 'no write access' })), async (login) => {
    assert.equal(await offer(await login(), FRESH), { kind: 'refused', reason: 'password-expired', user: 'Alice', detail: 'the directory refuses the change: no write access (result 50)' })
    assert.equal(login.audit, [])
  })
  await withDirectory(directory(expired), async (login) => {
    assert.match(messageOf(await offer(await login(), FRESH)), /"password-expired".*there is no bind-dn/)
  }, { 'bind-dn': undefined, 'bind-password-file': undefined, 'user-dn': 'uid={user},dc=x' })
})
test('G03 Active Directory: unicodePwd, old and new, over TLS alone', async () => {
  const script = (): ((request: Request) => Answer) => activeDirectory(directory(ACTIVE_DIRECTORY('773')))
  await withDirectory(script(), async (login) => {
    assert.is(reasonOf(await offer(await login(), FRESH)), 'identity')
    assert.equal(login.requests.find(({ kind }) => kind === 'modify'), { kind: 'modify', dn: ALICE.dn, changes: ['1 unicodePwd "right"', `0 unicodePwd "${FRESH}"`] })
  }, {}, 'tls')
  await withDirectory(script(), async (login) => {
    assert.match(messageOf(await offer(await login(), FRESH)), /"password-expired".*over TLS alone/)
    assert.not.ok(login.requests.some(({ kind }) => kind === 'modify'))
  })
})
test('G05 what the directory finds wrong with a new password is told, and another may be offered', async () => {
  const script = directory({ policy: { error: POLICY.mustChange } }, (fresh) => (fresh === 'short' ? { code: 19, policy: { error: POLICY.tooShort } } : {}))
  await withDirectory(script, async (login) => {
    const step = await login()
    for (const [password, reason] of [['', /it is empty/], ['right', /the one you have/], ['x'.repeat(1025), /more than 1024 bytes/], ['short', /finds it too short/]] as const) assert.match(messageOf(await offer(step, password)), reason)
    assert.is(reasonOf(await offer(step, FRESH)), 'identity')
  })
})
test('G05 each answer to a change means one thing', () => {
  const said = (code: number, diagnostic = '', policy: PolicyAnswer = {}): string => {
    const problem = changeProblem({ code, diagnostic, policy })
    return problem.kind === 'refused' ? problem.reason : problem.text
  }
  assert.match(said(19, '', { error: POLICY.tooSimple }), /too simple/)
  assert.match(said(19, '', { error: POLICY.usedBefore }), /used it before/)
  assert.match(said(19, '', { error: POLICY.tooYoung }), /so soon/)
  assert.match(said(19, '', { error: POLICY.tooLong }), /too long/)
  assert.match(said(19, 'Password is too short'), /says "Password is too short"/)
  assert.match(said(19, '0000052D: Constraint violation - check_password_restrictions'), /too recently/)
  assert.match(said(53, '0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0'), /too recently/)
  assert.is(said(19, '00000056: AtrErr: DSID-03191083, #1: 0: 00000056'), 'wrong-credentials')
  for (const [code, text, policy] of [[50, ''], [53, '0000001F: SvcErr'], [10, ''], [2, 'unsupported'], [19, '', { error: POLICY.notAllowed }]] as const) assert.is(said(code, text, policy), 'password-expired')
})
test('with password-change = false nobody is asked: who has logins left is in, others are refused', async () => {
  const off = { 'password-change': false }
  await withDirectory(directory({ policy: { graceLeft: 1 } }), async (login) => assert.is(reasonOf(await login()), 'identity'), off)
  for (const state of [{ policy: { error: POLICY.mustChange } }, { code: 49, policy: { error: POLICY.expired } }, ACTIVE_DIRECTORY('532')]) {
    await withDirectory(directory(state), async (login) => assert.is(reasonOf(await login()), 'password-expired'), off)
  }
})
test('a new password is for the user that the chain has proved, and for an account that is not disabled', async () => {
  const expired: Answer = { code: 49, policy: { error: POLICY.expired } }
  await withDirectory(directory(expired), async (login) => {
    assert.is(reasonOf(await login({}, { identity: { user: 'bob', groups: [], source: 'certificate' } })), 'wrong-credentials')
    assert.is(reasonOf(await login({}, { decoy: true, identity: { user: 'alice', groups: [], source: 'certificate' } })), 'wrong-credentials')
    assert.is(reasonOf(await login({ password: 'wrong' })), 'wrong-credentials')
  })
  await withDirectory(usual(expired, [{ dn: ALICE.dn, attributes: { uid: ['alice'], nsAccountLock: ['TRUE'] } }]), async (login) => assert.is(reasonOf(await login()), 'locked'))
  // A locked account is told apart by nobody, whatever the password.
  await withDirectory(directory({ code: 49, policy: { error: POLICY.locked } }), async (login) => assert.equal(await login(), { kind: 'refused', reason: 'wrong-credentials', user: 'alice', detail: 'the account is locked out' }))
})
test('the control of the password policy is read strictly, and nonsense says nothing', () => {
  assert.equal(readPolicyAnswer(Buffer.from('3000', 'hex')), {})
  assert.equal(readPolicyAnswer(Buffer.from('3003810102', 'hex')), { error: POLICY.mustChange })
  assert.equal(readPolicyAnswer(Buffer.from('3005a003810103', 'hex')), { graceLeft: 3 })
  assert.equal(readPolicyAnswer(Buffer.from('3008a003810100810100', 'hex')), { error: POLICY.expired, graceLeft: 0 })
  // Seconds to the end of the password are no grace.
  assert.equal(readPolicyAnswer(Buffer.from('3006a00480020e10', 'hex')), {})
  for (const hex of ['', '30', '3005', '300381', '3080', '30840000', '3003810502', '04818181']) assert.equal(readPolicyAnswer(Buffer.from(hex, 'hex')), {}, hex)
})

test.run()
