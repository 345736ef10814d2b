// test: limit=120
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { Pki } from '../lab/pki.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'

const group = {
  open: { label: 'Open', auth: [['local']] },
  codes: { label: 'With code', auth: [['local', 'totp']] },
  device: { auth: [['certificate']], listed: false },
  both: { auth: [['certificate', 'local']], listed: false },
  three: { auth: [['certificate', 'local', 'totp']], listed: false },
  either: { auth: [['certificate'], ['local']], listed: false },
  stronger: { auth: [['certificate', 'local'], ['local', 'totp']], listed: false },
}
const GROUPS = Object.keys(group)
/** Typed where a code is asked for; a real one is taken from the list each time. */
const CODE = 'CODE'

interface Journey {
  /** As in the table of plugins/anyconnect/README.md, which a test there compares with this list. */
  readonly chain: string
  readonly client: 'xml' | 'plain'
  readonly path: keyof typeof group
  readonly certificate: boolean
  /** What is asked for, in order; nothing else is. */
  readonly answers: readonly string[]
}
const JOURNEYS: readonly Journey[] = [
  { chain: 'local', client: 'xml', path: 'open', certificate: false, answers: ['alice', PASSWORD] },
  { chain: 'local', client: 'plain', path: 'open', certificate: false, answers: ['alice', PASSWORD] },
  { chain: 'local + totp', client: 'xml', path: 'codes', certificate: false, answers: ['alice', PASSWORD, CODE] },
  { chain: 'local + totp', client: 'plain', path: 'codes', certificate: false, answers: ['alice', PASSWORD, CODE] },
  { chain: 'certificate', client: 'xml', path: 'device', certificate: true, answers: [] },
  { chain: 'certificate', client: 'plain', path: 'device', certificate: true, answers: [] },
  { chain: 'certificate + local', client: 'xml', path: 'both', certificate: true, answers: [PASSWORD] },
  { chain: 'certificate + local', client: 'plain', path: 'both', certificate: true, answers: [PASSWORD] },
  { chain: 'certificate + local + totp', client: 'xml', path: 'three', certificate: true, answers: [PASSWORD, CODE] },
  { chain: 'certificate + local + totp', client: 'plain', path: 'three', certificate: true, answers: [PASSWORD, CODE] },
  { chain: 'certificate, or local', client: 'xml', path: 'either', certificate: true, answers: [] },
  { chain: 'certificate, or local', client: 'xml', path: 'either', certificate: false, answers: ['alice', PASSWORD] },
  { chain: 'certificate, or local', client: 'plain', path: 'either', certificate: false, answers: ['alice', PASSWORD] },
  { chain: 'certificate + local, or local + totp', client: 'xml', path: 'stronger', certificate: true, answers: [PASSWORD] },
  { chain: 'certificate + local, or local + totp', client: 'xml', path: 'stronger', certificate: false, answers: ['alice', PASSWORD, CODE] },
]

test('G03 G20 G22 every chain with the real client, in both of its dialects; it is asked for what is missing and nothing else', async (lab) => {
  const pki = await Pki.make(join(lab.folder, 'pki'))
  const alice = await pki.issue('alice')
  const gateway = await Gateway.start(lab, {
    users: { alice: { password: PASSWORD, groups: GROUPS } },
    config: { group, 'auth-certificate': { ca: pki.ca } },
  })
  const { recoveryCodes } = JSON.parse(await gateway.must(['user', 'totp', 'alice', '--show-recovery', '--json'])) as { readonly recoveryCodes: readonly string[] }
  const codes = [...recoveryCodes]
  const typed = (answers: readonly string[]): string[] => answers.map((answer) => (answer === CODE ? codes.pop() ?? '' : answer))
  const start = (path: string, answers: readonly string[], args: readonly string[]): OpenConnect =>
    OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, server: `${GATEWAY.ipv4}/${path}`, answers: typed(answers), args })
  const certificate = ['-c', alice.certificate, '-k', alice.key]

  const logins = async () => (await gateway.ask<readonly { readonly action: string; readonly ok: boolean; readonly actor: string; readonly detail: string }[]>('audit')).filter(({ action }) => action === 'login')

  for (const journey of JOURNEYS) {
    const client = start(journey.path, journey.answers, ['--authenticate', ...(journey.client === 'plain' ? ['--no-xmlpost'] : []), ...(journey.certificate ? certificate : [])])
    const { code } = await client.ended()
    assert.is(code, 0, `${journey.chain}, ${journey.client}: ${client.output}`)
    const [last] = await logins()
    const passed = journey.chain.split(', or ').filter((chain) => chain.includes('certificate') === journey.certificate).map((chain) => chain.replaceAll(' + ', '+'))
    assert.equal([last?.actor, last?.ok, last?.detail], ['alice', true, `group ${journey.path}, ${passed[0] ?? ''}`])
  }
  assert.ok((await logins()).every(({ ok }) => ok), 'no way to a login that succeeds is over a refusal')

  // A wrong password is asked for its code like a right one, and the client reads one text for both.
  const again = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, answers: typed(['alice', 'wrong', '000000', 'alice', PASSWORD, CODE]), args: ['--authgroup', 'With code'] })
  assert.is(again.output.match(/Login failed/g)?.length, 1)
  assert.is(again.output.match(/authenticator app/g)?.length, 2)
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
  const denied = (await logins()).filter(({ ok }) => !ok)
  assert.equal(denied.map(({ actor, detail }) => [actor, detail]), [['alice', 'wrong-credentials, group codes, step local']])
  await again.stop()

  const without = start('device', [], ['--authenticate'])
  assert.is.not((await without.ended()).code, 0)
  assert.match(without.output, /Certificate Validation Failure: your certificate is missing/, without.output)
  for (const secret of [PASSWORD, ...recoveryCodes]) assert.not(gateway.log.includes(secret), 'the log holds no secret')
})

test.run()
