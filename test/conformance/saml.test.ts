// test: limit=180
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import * as assert from 'uvu/assert'
import { openBrowser } from '../lab/browser.ts'
import { must, until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect, type OpenConnectOptions } from '../lab/openconnect.ts'
import { Pki } from '../lab/pki.ts'
import { SimpleSamlPhp } from '../lab/simplesamlphp.ts'
import { labTests, missing } from '../lab/suite.ts'

const BASE = 'https://10.77.0.1'
const FINAL = `${BASE}/+CSCOE+/saml_ac_login.html`
const PASSWORD = 'correct horse 9'
/** Of the same user here. */
const OWN_PASSWORD = 'battery staple 7'
const absent = missing(['php', 'chromium', 'openconnect', 'curl']) ?? (existsSync('/usr/share/simplesamlphp/www/module.php') ? undefined : 'not installed: simplesamlphp')
if (absent !== undefined) process.stdout.write(`SKIP ${absent}\n`)
const test = labTests({ peers: absent === undefined ? ['openconnect'] : [] })

async function signIn(page: Page, name: string): Promise<void> {
  await page.fill('input[name=username]', name)
  await page.fill('input[name=password]', PASSWORD)
  await page.click('#submit_button, button[type=submit], input[type=submit]')
}

const post = (lab: Lab, body: string): Promise<string> =>
  must(['curl', '-sk', '--max-time', '10', '-A', 'AnyConnect Windows 5.1.2.42', '-H', 'X-Aggregate-Auth: 1', '--data-binary', '@-', `${BASE}/`], { namespace: lab.client.namespace, input: body })
const document = (type: string, inside: string): string => `<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="${type}" aggregate-auth-version="2"><version who="vpn">5.1.2.42</version><device-id>win</device-id>${inside}</config-auth>`
const node = (xml: string, name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]?.replaceAll('&amp;', '&') ?? ''

test('G21 chromium logs in at SimpleSAMLphp: openconnect by the system\'s browser, alone, before a password and behind a certificate, an embedded one by its cookie, one without any by a code', async (lab) => {
  if (absent !== undefined) return
  const idp = await SimpleSamlPhp.start(lab, lab.client, { alice: { password: PASSWORD, attributes: { eduPersonAffiliation: ['staff', 'member', 'known', 'device'] } } })
  const browsing = openBrowser(lab, lab.client)
  const file = join(lab.folder, 'idp.xml')
  writeFileSync(file, await idp.metadata())
  const pki = await Pki.make(join(lab.folder, 'pki'))
  const device = await pki.issue('alice')
  const gateway = await Gateway.start(lab, { users: { alice: OWN_PASSWORD }, config: {
    group: { staff: { label: 'Staff', auth: [['saml']] }, known: { auth: [['saml', 'local']], listed: false }, device: { auth: [['certificate', 'saml']], listed: false } },
    'auth-certificate': { ca: pki.ca },
    'auth-saml': { 'idp-metadata-file': file, 'base-url': BASE, 'user-from': 'uid', 'group-from': 'eduPersonAffiliation' },
  } })
  const metadata = await must(['curl', '-skf', `${BASE}/+CSCOE+/saml/sp/metadata`], { namespace: lab.client.namespace })
  idp.trust({ entityId: `${BASE}/+CSCOE+/saml/sp/metadata`, acs: `${BASE}/+CSCOE+/saml/sp/acs`, logout: `${BASE}/+CSCOE+/saml/sp/logout`, certificate: node(metadata, 'X509Certificate') })
  const context = await (await browsing).newContext({ ignoreHTTPSErrors: true, viewport: { width: 390, height: 844 } })
  const page = await context.newPage()

  // The system's browser.
  const asked = join(lab.folder, 'browser-url')
  const script = join(lab.folder, 'browser.sh')
  writeFileSync(script, `#!/bin/sh\nprintf %s "$1" > ${asked}.new && mv ${asked}.new ${asked}\n`, { mode: 0o755 })
  const open = async (options: Partial<OpenConnectOptions>): Promise<OpenConnect> => {
    rmSync(asked, { force: true })
    const client = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, ...options, args: ['--external-browser', script, ...(options.args ?? [])] })
    await page.goto(await until('openconnect to open its browser', () => existsSync(asked) && readFileSync(asked, 'utf8'), 20_000, () => client.output))
    return client
  }
  const client = await open({})
  await signIn(page, 'alice')
  await page.waitForURL(FINAL)
  assert.match(await page.content(), /You can close this window/)
  await client.connected()
  await lab.client.must(['ping', '-c', '1', '-W', '5', LAN.ipv4])
  const session = await gateway.session()
  assert.equal([session.user, session.group], ['alice', 'staff'])
  await client.stop()

  // As a step of a chain: before the password that the user has here, and behind the certificate of a device. The browser is known by now.
  for (const [path, more] of [['known', { answers: [OWN_PASSWORD] }], ['device', { args: ['-c', device.certificate, '-k', device.key] }]] as const) {
    const one = await open({ server: `${GATEWAY.ipv4}/${path}`, ...more })
    await one.connected()
    const { user, group } = await gateway.session()
    assert.equal([user, group], ['alice', path])
    await one.stop()
  }

  // A window of the client, which looks at URL and cookies. The identity provider knows the browser by now.
  const form = await post(lab, document('init', '<capabilities><auth-method>single-sign-on-v2</auth-method></capabilities>'))
  const embedded = await context.newPage()
  await embedded.goto(node(form, 'sso-v2-login'))
  await embedded.waitForURL(FINAL)
  const token = (await context.cookies(BASE)).find(({ name }) => name === node(form, 'sso-v2-token-cookie-name'))?.value ?? ''
  const opaque = /<opaque.*<\/opaque>/s.exec(form)?.[0] ?? ''
  const complete = await post(lab, document('auth-reply', `${opaque}<auth><sso-token>${token}</sso-token></auth>`))
  assert.match(complete, /<auth id="success">/)
  const second = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, args: ['--cookie', node(complete, 'session-token')] })
  await lab.client.must(['ping', '-c', '1', '-W', '5', LAN.ipv4])
  await second.stop()

  // No browser in sight.
  const waiting = await post(lab, document('init', ''))
  const code = /enter the code ([A-Z0-9-]{9})\./.exec(waiting)?.[1] ?? ''
  const phone = await context.newPage()
  await phone.goto(`${BASE}/saml`)
  await phone.fill('#code', code.toLowerCase())
  await phone.click('button')
  await phone.click('a.button')
  await phone.waitForFunction('document.body.innerText.includes("You can close this window")')
  assert.match(await post(lab, document('auth-reply', `${/<opaque.*<\/opaque>/s.exec(waiting)?.[0] ?? ''}<auth><answer></answer></auth>`)), /<auth id="success">/)
  assert.not.match(gateway.log, new RegExp(token), 'no token in the log')
})

test.run()
