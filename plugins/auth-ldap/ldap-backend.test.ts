import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AuthStep } from '../../core/api.ts'
import { ScriptedDirectory, writeAnswer, type Answer, type Found, type Request } from './scripted-directory.ts'
import { ALICE, ACTIVE_DIRECTORY, OWN, reasonOf, rightOnly, serverConfig, usual, withDirectory } from './testing.ts'

test('the name is the one of the directory, the groups are those of the gateway', async () => {
  await withDirectory(usual(rightOnly), async (login) => {
    assert.equal(await login(), { kind: 'identity', identity: { user: 'Alice', groups: ['staff'], source: 'ldap' } })
    assert.equal(await login({ password: 'wrong' }), { kind: 'refused', reason: 'wrong-credentials', user: 'alice', detail: 'wrong password' })
    assert.is(reasonOf(await login({}, { identity: { user: 'ALICE', groups: [], source: 'certificate' } })), 'identity')
    assert.is(reasonOf(await login({}, { identity: { user: 'bob', groups: [], source: 'certificate' } })), 'wrong-credentials')
    assert.is((await login({ username: ' ' })).kind, 'form')
  }, { 'group-from': 'memberOf' })
  await withDirectory(usual(rightOnly), async (login) => assert.is(reasonOf(await login()), 'not-in-group'), { 'group-from': 'memberOf', 'group-base-dn': 'ou=groups,dc=x' })
})
test('a login without a password, of a decoy or with a name that is none asks no server', async () => {
  await withDirectory(usual({}), async (login) => {
    const steps = [await login({ password: '' }), await login({}, { decoy: true }), await login({ username: 'a\0b' }), await login({ username: 'x'.repeat(254) }), await login({ password: 'x'.repeat(1025) })]
    assert.equal(steps.map(reasonOf), Array(5).fill('wrong-credentials'))
    assert.equal(login.requests, [])
  })
})
test('who is not there, or there twice, costs the bind of a wrong password, and not as anybody', async () => {
  for (const entries of [[], [ALICE, { dn: 'cn=alice,dc=x' }]]) {
    await withDirectory(usual({ code: 49 }, entries), async (login) => {
      assert.is(reasonOf(await login()), 'wrong-credentials')
      assert.equal(login.requests.map((request) => (request.kind === 'bind' ? request.dn.replace(/^cn=[0-9a-f]{24},/, 'cn=RANDOM,') : request.kind)), [OWN['bind-dn'], 'search', 'cn=RANDOM,dc=x'])
    })
  }
})
test('an entry without a name is not bound to: that would be anonymous', async () => {
  await withDirectory(usual({}, [{ dn: '', attributes: { uid: ['alice'] } }]), async (login) => {
    assert.is(reasonOf(await login()), 'wrong-credentials')
    assert.equal(login.requests.map(({ kind }) => kind), ['bind', 'search'])
  })
})
test('codes of Active Directory and marks of accounts become reasons', async () => {
  for (const [data, reason] of [['533', 'locked'], ['701', 'expired'], ['773', 'form'], ['532', 'form'], ['775', 'wrong-credentials']] as const) {
    await withDirectory(usual(ACTIVE_DIRECTORY(data)), async (login) => assert.is(reasonOf(await login()), reason, data))
  }
  for (const [mark, value, reason] of [['userAccountControl', '514', 'locked'], ['userAccountControl', '512', 'identity'], ['nsAccountLock', 'true', 'locked'], ['pwdReset', 'TRUE', 'form']] as const) {
    await withDirectory(usual(rightOnly, [{ dn: ALICE.dn, attributes: { uid: ['alice'], [mark]: [value] } }]), async (login) => {
      assert.is(reasonOf(await login()), reason, mark)
      assert.is(reasonOf(await login({ password: 'wrong' })), 'wrong-credentials', mark)
    })
  }
})
test('nested groups: in one search at Active Directory, those of the primary group too', async () => {
  const sid = Buffer.from('010500000000000515000000010000000200000003000000f4010000', 'hex')
  const odd: Found = { dn: 'cn=a\\2c(b)*,dc=x', attributes: { uid: ['alice'], objectSid: [sid], primaryGroupID: ['513'] } }
  const primary = 'cn=Domain Users,cn=Users,dc=x'
  const script = (request: Request): Answer =>
    request.kind === 'search' && request.base === '' ? { entries: [{ dn: '', attributes: { supportedCapabilities: ['1.2.840.113556.1.4.800'] } }] }
    : request.kind === 'search' && request.base === '<SID=S-1-5-21-1-2-3-513>' ? { entries: [{ dn: primary }] }
    : request.kind === 'search' && request.filter.includes('1941') ? { entries: [{ dn: 'cn=partners,dc=x' }] }
    : usual(rightOnly, [odd])(request)
  const groupsOf = (step: AuthStep): readonly string[] => (step.kind === 'identity' ? step.identity.groups : [reasonOf(step)])
  await withDirectory(script, async (login) => {
    assert.equal(groupsOf(await login()), ['staff', 'partners'])
    const filter = '(|(member:1.2.840.113556.1.4.1941:=cn=a\\5c2c\\28b\\29\\2a,dc=x)(member:1.2.840.113556.1.4.1941:=cn=Domain Users,cn=Users,dc=x))'
    assert.ok(login.requests.some((request) => request.kind === 'search' && request.filter === filter))
  }, { 'group-from': 'memberOf', 'nested-groups': true, 'group-map': { 'Domain Users': 'staff' } })
  await withDirectory(script, async (login) => assert.equal(groupsOf(await login()), ['staff']), { 'group-from': 'memberOf', 'group-map': { 'domain users': 'staff' } })
  // A gateway that may not see that group.
  await withDirectory((request) => (request.kind === 'search' && request.base.startsWith('<SID') ? { code: 50 } : script(request)), async (login) => assert.equal(groupsOf(await login()), ['not-in-group']), { 'group-from': 'memberOf', 'group-map': { 'Domain Users': 'staff' } })
})
test('an entry elsewhere and one too many: referrals are not followed, limits are the gateway\'s', async () => {
  const elsewhere = await ScriptedDirectory.listen(usual({}))
  const reference = Buffer.concat([1, 2, 3].map((id) => referenceTo(id, `ldap://127.0.0.1:${elsewhere.port}/dc=x`)))
  try {
    await withDirectory((request) => (request.kind === 'search' ? { entries: [ALICE], before: reference } : usual(rightOnly)(request)), async (login) => assert.is(reasonOf(await login()), 'identity'))
    // Who is kept elsewhere is wrong here, and the server lives.
    await withDirectory(usual({ code: 10 }), async (login) => {
      assert.equal(await login(), { kind: 'refused', reason: 'wrong-credentials', user: 'alice', detail: 'the directory refers to another (10)' })
      assert.equal(login.health.list(), [])
    })
    await withDirectory((request) => (request.kind === 'search' ? { code: 10 } : usual({})(request)), async (login) => assert.is(reasonOf(await login()), 'unavailable'))
    assert.equal(elsewhere.requests, [])
  } finally {
    await elsewhere.close()
  }
  // A server that sends more than it was asked for, with and without saying so.
  for (const code of [0, 4]) {
    const many = Array.from({ length: 600 }, (_, at) => ({ dn: at === 599 ? 'cn=staff,dc=x' : `cn=g${at},dc=x` }))
    await withDirectory((request) => (request.kind === 'search' && request.filter.includes('member=') ? { code, entries: many } : usual(rightOnly)(request)), async (login) => assert.is(reasonOf(await login()), 'not-in-group'), { 'group-filter': '(member={dn})' })
  }
})
test('nested groups that never end are walked to a bound', async () => {
  let made = 0
  const script = (request: Request): Answer =>
    request.kind === 'search' && request.filter.includes('member=') ? { entries: Array.from({ length: 10 }, () => ({ dn: `cn=g${made++},dc=x` })) } : usual(rightOnly)(request)
  await withDirectory(script, async (login) => {
    assert.is(reasonOf(await login()), 'not-in-group')
    const searches = login.requests.filter((request) => request.kind === 'search' && request.filter.includes('member='))
    assert.ok(searches.length > 100 && searches.length <= 501, `${searches.length}`)
  }, { 'group-filter': '(member={dn})', 'nested-groups': true, 'timeout': 30 })
})
test('bytes behind the answer to StartTLS end the connection; so does a refusal, and no password is sent', async () => {
  // The beginning of a bind response that would swallow what comes in TLS.
  const injected = Buffer.concat([writeAnswer(1, { kind: 'start-tls' }, {}), Buffer.from([0x30, 0x40, 0x02, 0x01, 0x02, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00])])
  for (const [reply, text] of [[injected, /bytes behind/], [{ code: 52 }, /refuses StartTLS \(result 52\)/], [Buffer.from('HTTP/1.1 400'), /no LDAP/]] as const) {
    await withDirectory(() => reply, async (login) => {
      assert.is(reasonOf(await login()), 'unavailable')
      assert.equal(login.requests, [{ kind: 'start-tls' }])
      assert.match(login.health.list()[0]?.text ?? '', text)
    }, {}, 'start-tls')
  }
})
test('a server that says nothing, nonsense, too much, or nothing to the gateway is dead, and the next is asked', async () => {
  const next = await ScriptedDirectory.listen(usual(rightOnly))
  const endless = Buffer.concat(Array<Buffer>(50).fill(writeAnswer(7, { kind: 'bind' }, { diagnostic: 'x'.repeat(100_000) })))
  const scripts: readonly (readonly [Answer, RegExp])[] = [
    ['silence', /no answer in time/], [Buffer.from('HTTP/1.1 400'), /no LDAP/], [Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), /a message of 2147483653 bytes/], [endless, /more than 4194304 bytes/],
    // A referral of a bind that is longer than its message.
    [Buffer.from('300e02010261090a0131040004008705', 'hex'), /not complete/],
    [{ code: 49, diagnostic: 'gone' }, /bind-dn is refused: wrong password: gone/], [{ code: 49, policy: { error: 0 } }, /bind-dn is refused: the password has expired/], [{ policy: { error: 2 } }, /bind-dn is refused: the password must be changed/], [{ code: 51 }, /result 51/],
  ]
  try {
    for (const [reply, text] of scripts) {
      await withDirectory(() => reply, async (login) => {
        assert.is(reasonOf(await login()), 'identity')
        assert.match(login.health.list()[0]?.text ?? '', text)
        const asked = login.requests.length
        assert.is(reasonOf(await login()), 'identity')
        assert.is(login.requests.length, asked)
      }, { timeout: 0.3 }, 'none', [serverConfig(next.port)])
    }
  } finally {
    await next.close()
  }
})
test('thousands of small messages in one segment are read one by one', async () => {
  const small = Buffer.concat(Array<Buffer>(20_000).fill(writeAnswer(99, { kind: 'bind' }, {})))
  const script = (request: Request): Answer => (request.kind === 'bind' && request.dn !== OWN['bind-dn'] ? { before: small } : usual({})(request))
  await withDirectory(script, async (login) => assert.is(reasonOf(await login()), 'identity'))
})
test('with all places taken and the room full a login is refused at once', async () => {
  await withDirectory(() => 'silence', async (login) => {
    const steps = await Promise.all(Array.from({ length: 10 }, () => login()))
    assert.is(steps.filter((step) => step.kind === 'refused' && step.detail === 'too many logins wait for the directory').length, 2)
  }, { timeout: 0.1 })
})

/** SearchResultReference (RFC 4511 section 4.5.3). */
function referenceTo(id: number, url: string): Buffer {
  const part = (tag: number, ...values: readonly Buffer[]): Buffer => Buffer.concat([Buffer.from([tag, Buffer.concat(values).length]), ...values])
  return part(0x30, Buffer.from([0x02, 0x01, id]), part(0x73, part(0x04, Buffer.from(url))))
}

test.run()
