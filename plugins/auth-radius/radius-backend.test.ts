import { createHmac } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock, type AuthContext, type AuthStep, type GatewayConfig } from '../../core/api.ts'
import { ListedHealth, TestLog } from '../../core/testing.ts'
import { attribute, flatten, valueOf, valuesOf } from './attributes.ts'
import { RadiusClient } from './client.ts'
import type { AuthRadiusConfig } from './config.ts'
import { Counters } from './counters.ts'
import { authenticatorResponse, ntHash, ntResponse, rc4, sealedHash } from './mschap.ts'
import { CODE, type Attribute, type Packet } from './packet.ts'
import { revealPassword } from './password.ts'
import { RadiusBackend } from './radius-backend.ts'
import { answerTo, ScriptedServer, SECRET } from './testing.ts'
import { readTicket } from './ticket.ts'

const CONTEXT: AuthContext = {
  peer: '192.0.2.7', group: 'staff', origin: 'https://vpn.example.com', userAgent: 'Open AnyConnect', capabilities: [], platform: 'linux', certificates: [], certificateMissing: false,
}
const GATEWAY = { gateway: { name: 'vpn.example.com', listen: [{ address: '10.0.0.1', port: 443 }] }, pools: new Map(), groups: new Map([['staff', {}], ['partners', {}]]) } as unknown as GatewayConfig

type Script = (request: Packet) => { readonly code: number; readonly attributes?: readonly Attribute[] } | undefined
interface Login {
  begin(context?: Partial<AuthContext>): AuthStep
  readonly requests: readonly Packet[]
  readonly log: TestLog
}
async function withBackend(script: Script, body: (login: Login) => Promise<void>, more: Partial<AuthRadiusConfig> = {}): Promise<void> {
  const server = await ScriptedServer.listen((request) => {
    const answer = script(request)
    return answer ? [answerTo(request, { code: answer.code, attributes: answer.attributes ?? [] })] : []
  })
  const config: AuthRadiusConfig = { 'server': [server.config()], 'balance': 'failover', 'timeout': 1, 'protocol': 'pap', 'group-from': 'class', 'nas-identifier': '', ...more } as AuthRadiusConfig
  const log = new TestLog()
  const client = new RadiusClient(config, { clock: systemClock, counters: new Counters(), health: new ListedHealth(), log })
  const backend = new RadiusBackend({ client, config: () => config, gateway: GATEWAY, clock: systemClock, log })
  try {
    await body({ begin: (context) => backend.begin({ ...CONTEXT, ...context }), requests: server.requests, log })
  } finally {
    client.close()
    await server.close()
  }
}
const answer = async (step: AuthStep, values: Readonly<Record<string, string>>): Promise<AuthStep> => {
  assert.is(step.kind, 'form')
  return step.kind === 'form' ? step.answer(new Map(Object.entries(values))) : step
}
const password = (request: Packet): string | undefined => {
  const hidden = valueOf(flatten(request.attributes), 'User-Password')
  return hidden && revealPassword(hidden, request.authenticator, Buffer.from(SECRET))?.toString()
}
const ALICE = { username: 'alice ', password: 'pässword' }

test('G23 PAP: name, groups, policy and what accounting wants again', async () => {
  const attributes = [attribute('Class', Buffer.from('OU=partners;')), attribute('Class', Buffer.from([0, 1])), attribute('Session-Timeout', 600), attribute('Framed-Route', 'x'), attribute('Acct-Interim-Interval', 300)]
  await withBackend((request) => ({ code: password(request) === 'pässword' ? CODE.accessAccept : CODE.accessReject, attributes }), async ({ begin, requests, log }) => {
    const step = await answer(begin(), ALICE)
    assert.is(step.kind, 'identity')
    if (step.kind !== 'identity') return
    const { ticket, ...identity } = step.identity
    assert.equal(identity, { user: 'alice', groups: ['partners'], groupsDecide: true, source: 'radius', attributes: { origin: 'radius 127.0.0.1', values: { sessionTimeoutSec: 600 } } })
    const { classes, user, interimSec } = readTicket(ticket) ?? {}
    assert.equal([classes?.map((one) => one.toString('latin1')), user, interimSec], [['OU=partners;', '\0\u0001'], 'alice', 300])
    assert.is(log.lines[0]?.fields['problem'], 'Framed-Route: "x" is not a route')
    const sent = flatten(requests[0]?.attributes ?? [])
    assert.equal((['User-Name', 'NAS-Identifier', 'NAS-IP-Address', 'Calling-Station-Id', 'Called-Station-Id', 'Connect-Info', 'ASA-Tunnel-Group-Name', 'Cisco-AVPair'] as const).map((name) => valueOf(sent, name)),
      ['alice', 'vpn.example.com', '10.0.0.1', '192.0.2.7', 'vpn.example.com', 'Open AnyConnect', 'staff', 'mdm-tlv=device-platform=linux'])
  })
})
test('G23 a rejection shows the Reply-Message, printable and bounded; without one nothing of its own', async () => {
  const long = Array.from({ length: 8 }, () => attribute('Reply-Message', `${'x'.repeat(200)}\u001b[31m`))
  await withBackend((request) => ({ code: CODE.accessReject, attributes: valueOf(flatten(request.attributes), 'User-Name') === 'alice' ? [attribute('Reply-Message', 'Go away\r\n\u0007please')] : valueOf(flatten(request.attributes), 'User-Name') === 'long' ? long : [] }), async ({ begin }) => {
    assert.equal(await answer(begin(), ALICE), { kind: 'refused', reason: 'wrong-credentials', user: 'alice', text: 'Go away\nplease' })
    assert.equal(await answer(begin(), { username: 'bob', password: '' }), { kind: 'refused', reason: 'wrong-credentials', user: 'bob' })
    const step = await answer(begin(), { username: 'long', password: '' })
    assert.is(step.kind === 'refused' && step.text?.length, 1000)
    assert.not.match(step.kind === 'refused' ? step.text ?? '' : '', /\u001b/)
  })
})
test('G23 challenges: the state comes back unchanged, each form has the text of its round; they end', async () => {
  const state = createHmac('md5', 'x').update('y').digest()
  await withBackend((request) => {
    const found = flatten(request.attributes)
    if (password(request) === '123') return { code: CODE.accessAccept }
    return { code: CODE.accessChallenge, attributes: [attribute('State', state), attribute('Reply-Message', `Round ${valuesOf(found, 'State').length}`), attribute('Prompt', 1)] }
  }, async ({ begin, requests }) => {
    const first = await answer(begin(), ALICE)
    assert.equal(first.kind === 'form' && first.form, { id: 'challenge', message: 'Round 0', fields: [{ kind: 'text', name: 'answer', label: 'Response:' }] })
    const second = await answer(first, { password: 'no' })
    assert.is(second.kind === 'form' && second.form.message, 'Round 1')
    assert.is((await answer(second, { answer: '123' })).kind, 'identity')
    assert.equal(valueOf(flatten(requests.at(-1)?.attributes ?? []), 'State'), state)
    let step = await answer(begin(), ALICE)
    for (let round = 0; round < 16; round++) step = await answer(step, { answer: 'x' })
    assert.equal(step, { kind: 'refused', reason: 'too-many-tries', user: 'alice', detail: '16 challenges' })
  })
})
test('nobody answers: try again later; names and passwords that no packet can carry, decoys and other names reach no server', async () => {
  await withBackend((request) => (valueOf(flatten(request.attributes), 'User-Name') === 'alice' ? undefined : { code: CODE.accessReject }), async ({ begin, requests }) => {
    assert.equal(await answer(begin(), { username: 'bob', password: 'x' }), { kind: 'refused', reason: 'wrong-credentials', user: 'bob' })
    const steps = await Promise.all([
      answer(begin(), { username: 'a'.repeat(254), password: 'x' }), answer(begin(), { username: 'a\0b', password: 'x' }), answer(begin(), { username: 'alice', password: 'x'.repeat(129) }),
      answer(begin({ decoy: true }), ALICE), answer(begin({ identity: { user: 'bob', groups: [], source: 'local' } }), ALICE),
    ])
    assert.equal(steps.map((step) => step.kind === 'refused' && step.reason), Array(5).fill('wrong-credentials'))
    assert.is(requests.length, 1)
    assert.is((await answer(begin(), { username: ' ', password: 'x' })).kind, 'form')
    assert.equal(await answer(begin(), ALICE), { kind: 'refused', reason: 'unavailable', user: 'alice', detail: 'no RADIUS server has answered' })
  })
})

/** A server with MS-CHAPv2 (RFC 2548, RFC 2759). */
const mschapServer = (passwords: Map<string, string>, expired: Set<string>, lies = false): Script => (request) => {
  const found = flatten(request.attributes)
  const [user = '', challenge, response, change] = [valueOf(found, 'User-Name'), valueOf(found, 'MS-CHAP-Challenge'), valueOf(found, 'MS-CHAP2-Response'), valueOf(found, 'MS-CHAP2-CPW')]
  const hash = ntHash(passwords.get(user) ?? '')
  const reject = (text: string): ReturnType<Script> => ({ code: CODE.accessReject, attributes: [attribute('MS-CHAP-Error', Buffer.from(`\0${text}`))] })
  const accept = (now: Buffer, sent: Buffer, peer: Buffer): ReturnType<Script> =>
    ({ code: CODE.accessAccept, attributes: [attribute('MS-CHAP2-Success', Buffer.from(`\0${authenticatorResponse(lies ? ntHash('other') : now, sent, challenge ?? Buffer.alloc(16), peer, user)}`))] })
  if (!challenge) return reject('E=691')
  if (response) {
    const [peer, sent] = [response.subarray(2, 18), response.subarray(26)]
    if (!ntResponse(challenge, peer, user, hash).equals(sent)) return reject('E=691 R=1')
    return expired.has(user) ? reject('E=648 R=0 C=00112233445566778899aabbccddeeff V=3 M=Password expired') : accept(hash, sent, peer)
  }
  if (!change || challenge.toString('hex') !== '00112233445566778899aabbccddeeff') return reject('E=709')
  const fragments = valuesOf(found, 'MS-CHAP-NT-Enc-PW')
  assert.equal(fragments.map((one) => one.readUInt16BE(2)), [1, 2, 3])
  const block = rc4(hash, Buffer.concat(fragments.map((one) => one.subarray(4))))
  const length = block.readUInt32LE(512)
  const fresh = block.subarray(512 - length, 512).toString('utf16le')
  const [sealed, peer, sent] = [change.subarray(2, 18), change.subarray(18, 34), change.subarray(42, 66)]
  if (!sealedHash(hash, ntHash(fresh)).equals(sealed) || !ntResponse(challenge, peer, user, ntHash(fresh)).equals(sent)) return reject('E=709')
  passwords.set(user, fresh)
  expired.delete(user)
  return accept(ntHash(fresh), sent, peer)
}

test('G23 MS-CHAPv2: right, wrong, and a server that does not know the password', async () => {
  await withBackend(mschapServer(new Map([['alice', 'pässword']]), new Set()), async ({ begin }) => {
    assert.is((await answer(begin(), ALICE)).kind, 'identity')
    assert.equal(await answer(begin(), { username: 'alice', password: 'other' }), { kind: 'refused', reason: 'wrong-credentials', user: 'alice', detail: 'MS-CHAP error 691' })
  }, { protocol: 'mschapv2' })
  await withBackend(mschapServer(new Map([['alice', 'pässword']]), new Set(), true), async ({ begin }) => {
    const step = await answer(begin(), ALICE)
    assert.is(step.kind === 'refused' && step.reason, 'unavailable')
  }, { protocol: 'mschapv2' })
})
test('G23 an expired password is changed in the dialogue, when it is typed twice', async () => {
  const passwords = new Map([['alice', 'pässword']])
  await withBackend(mschapServer(passwords, new Set(['alice'])), async ({ begin }) => {
    const asked = await answer(begin(), ALICE)
    assert.equal(asked.kind === 'form' && asked.form.fields.map(({ name }) => name), ['new_password'])
    const differs = await answer(await answer(asked, { new_password: 'new one 7' }), { new_password: 'new one 8' })
    assert.match(differs.kind === 'form' ? differs.form.message : '', /not the same/)
    const changed = await answer(await answer(differs, { new_password: 'neu ä 7' }), { new_password: 'neu ä 7' })
    assert.is(changed.kind, 'identity')
    assert.is(passwords.get('alice'), 'neu ä 7')
    assert.is((await answer(begin(), { username: 'alice', password: 'neu ä 7' })).kind, 'identity')
  }, { protocol: 'mschapv2' })
})

test.run()
