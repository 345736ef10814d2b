// test: limit=180
import * as assert from 'uvu/assert'
import { Secret, TOTP } from 'otpauth'
import { Gateway } from '../lab/gateway.ts'
import { OpenConnect, type OpenConnectOptions } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'
const FRESH = 'another horse 7'
const CHAIN = { group: { staff: { auth: [['local', 'totp']] } } }
interface Enrolment { readonly secret: string; readonly recoveryCodes: readonly string[] }

/** Of a step from now: the first counts even if a step ends meanwhile. */
const codeFor = (secret: string, step = 0): string => TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: Date.now() + step * 30_000 })

test('G22 openconnect: a code typed, one made by --token-mode, none twice across a restart, a recovery code once', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: CHAIN })
  const { secret, recoveryCodes } = JSON.parse(await gateway.must(['user', 'totp', 'alice', '--show-recovery', '--json'])) as Enrolment
  const login = async (answers: readonly string[], more: Partial<OpenConnectOptions> = {}): Promise<OpenConnect> => {
    const client = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD, ...answers], ...more })
    await client.service.until('an end or a tunnel', () => client.service.result ?? client.told('connect'))
    return client
  }
  const [first = ''] = recoveryCodes
  const typed = codeFor(secret, -1)
  const one = await login([typed])
  assert.is((await gateway.session()).user, 'alice', one.output)
  assert.match(one.output, /six-digit code/)
  await one.stop()
  const token = await login([], { args: ['--token-mode=totp', `--token-secret=base32:${secret}`] })
  assert.is((await gateway.session()).user, 'alice', token.output)
  await token.stop()
  await gateway.stop()
  await gateway.start()
  const late = await login([typed])
  assert.match(late.output, /Login failed/)
  const recovered = await login([first])
  assert.is((await gateway.session()).user, 'alice', recovered.output)
  await recovered.stop()
  const again = await login([first])
  assert.match(again.output, /Login failed/)
  assert.equal(await gateway.sessions(), [])
  assert.match(await gateway.must(['user', 'show', 'alice']), /totp: enrolled since .*, 9 recovery codes left/)
  for (const kept of [secret, typed, first]) assert.not(gateway.log.includes(kept), 'the log holds no secret')
})

test('G03 G22 openconnect: a password is changed and a second factor set up in its own prompts, or on the page', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { bob: PASSWORD, carol: PASSWORD }, config: CHAIN })
  await gateway.must(['user', 'passwd', 'bob', '--must-change', '--password-stdin'], `${PASSWORD}\n`)
  const client = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user: 'bob', answers: [PASSWORD], interactive: true })
  const [, secret = ''] = await client.said(/otpauth:\/\/totp\/vpn\.example\.com:bob\?secret=([A-Z2-7]{32})&issuer=vpn\.example\.com/)
  client.type(codeFor(secret))
  await client.said(/(?:[2-9A-Z]{4}-){2}[2-9A-Z]{4}/)
  // The new password comes last: who has the old one alone changes nothing.
  assert.not.match(client.output, /choose a new password/)
  for (const answer of ['yes', 'bob', FRESH, FRESH]) client.type(answer)
  await client.connected()
  assert.match(client.output, /not acceptable: a password has at least 8/)
  assert.is((await gateway.session()).user, 'bob')
  assert.match(await gateway.must(['audit', '--json']), /"user.passwd"[^}]*"at the login"/)

  const post = async (form: string): Promise<string> =>
    (await lab.client.run(['curl', '-sk', '-H', 'Origin: https://10.77.0.1', ...form.split('&').flatMap((field) => ['--data-urlencode', field]), 'https://10.77.0.1/totp'])).stdout
  const key = await post(`username=carol&password=${PASSWORD}`)
  const [handle, shown = ''] = [/name="handle" value="(\w+)"/.exec(key)?.[1], /secret=([A-Z2-7]{32})/.exec(key)?.[1]]
  assert.match(await post(`handle=${handle}&code=${codeFor(shown)}`), /<li>(?:[2-9A-Z]{4}-){2}[2-9A-Z]{4}<\/li>/)
  assert.match(await gateway.must(['user', 'show', 'carol']), /totp: enrolled since .*, 10 recovery codes left/)
  for (const kept of [secret, shown, FRESH]) assert.not(gateway.log.includes(kept), 'the log holds no secret')
})

test.run()
