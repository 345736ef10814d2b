import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerError } from '../../core/api.ts'
import { FORM_LIMITS, readClientDocument } from './client-document.ts'

const read = (text: string) => readClientDocument(new TextEncoder().encode(text))
const refused = (text: string): void => {
  assert.throws(() => read(text), (error: unknown) => error instanceof PeerError)
}

test('an init tells device, version, capabilities and groups; the unknown is passed over', () => {
  const document = read(`<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="init" aggregate-auth-version="2"><version who="vpn">4.0.05069</version>
<device-id device-type="iPhone8,1" platform-version="10.3.3" unique-id="40HEX" new-attribute="x">apple-ios</device-id><phone-id>unknown</phone-id>
<mac-address-list><mac-address public-interface="true">00:11</mac-address></mac-address-list>
<capabilities><auth-method>single-sign-on-v2</auth-method><auth-method>multiple-cert</auth-method></capabilities>
<group-select>LAST CHOICE</group-select><group-access>https://vpn.example.com/staff</group-access><something-new><x/></something-new></config-auth>`)
  assert.is(document.kind, 'init')
  assert.equal(document.facts, {
    version: '4.0.05069', platform: 'apple-ios', deviceType: 'iPhone8,1', hostname: undefined, uniqueId: '40HEX',
    capabilities: ['single-sign-on-v2', 'multiple-cert'], certificateMissing: false, groupSelect: 'LAST CHOICE', groupAccess: 'https://vpn.example.com/staff', handle: undefined,
  })
})
test('empty capabilities are none', () => {
  assert.equal(read('<config-auth client="vpn" type="init"><capabilities/></config-auth>').facts.capabilities, [])
})
test('an auth-reply gives values and the handle of its opaque', () => {
  const document = read('<config-auth client="vpn" type="auth-reply"><session-token/><session-id/><opaque is-for="sg"><aggauth-handle>beef</aggauth-handle></opaque><auth><username>a&amp;b</username><password> p w </password><username>second</username></auth></config-auth>')
  if (document.kind !== 'auth-reply') throw new Error(document.kind)
  assert.is(document.facts.handle, 'beef')
  assert.equal([...document.values], [['username', 'a&b'], ['password', ' p w ']])
})
test('a logout carries the session token', () => {
  const document = read('<config-auth client="vpn" type="logout"><session-token>T</session-token></config-auth>')
  assert.is(document.kind === 'logout' && document.sessionToken, 'T')
})
test('form bodies are told by their first byte, whatever Content-Type says', () => {
  const document = read('password=p%26w+x&username=a%40a.aa&group_list=Staff')
  if (document.kind !== 'auth-reply') throw new Error(document.kind)
  assert.is(document.xml, false)
  assert.is(document.facts.groupSelect, 'Staff')
  assert.equal([...document.values], [['password', 'p&w x'], ['username', 'a@a.aa']])
  const escaped = read('group%5flist=Two&username=x')
  assert.is(escaped.facts.groupSelect, 'Two')
})
test('blanks and a byte order mark before XML do not make it a form', () => {
  assert.is(read('\ufeff<config-auth client="vpn" type="init"/>').kind, 'init')
})
test('other roots, clients and types are refused', () => {
  refused('<html/>')
  refused('<config-auth client="ftp" type="init"/>')
  refused('<config-auth client="vpn" type="reboot"/>')
  refused('<config-auth client="vpn"/>')
})
test('forms are bounded in fields, names, bytes, and hold no NUL', () => {
  refused(Array.from({ length: FORM_LIMITS.fields + 1 }, (_, index) => `f${index}=1`).join('&'))
  assert.ok(read(Array.from({ length: FORM_LIMITS.fields }, (_, index) => `f${index}=1`).join('&')))
  refused(`${'n'.repeat(FORM_LIMITS.nameBytes + 1)}=1`)
  refused(`username=${'x'.repeat(64 * 1024)}`)
  refused('username=a%00b')
})

test.run()
