import { generateKeyPairSync } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { AuthSamlConfig } from './config.ts'
import { modeFor } from './saml-backend.ts'

const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' })
const BOTH = ['single-sign-on-v2', 'single-sign-on-external-browser']
const mode = (over: Readonly<Record<string, unknown>>, client: { readonly capabilities?: readonly string[]; readonly strapDhKey?: Uint8Array; readonly platform?: string }) =>
  modeFor({ capabilities: [], strapDhKey: undefined, platform: 'linux-64', userAgent: 'AnyConnect', ...client }, AuthSamlConfig.parse({ 'idp-metadata-file': 'idp.xml', ...over }))

test('G21 each client gets the browser that it has and that the gateway wants', () => {
  assert.is(mode({}, { capabilities: BOTH, strapDhKey: KEY }), 'external')
  assert.is(mode({ browser: 'embedded' }, { capabilities: BOTH, strapDhKey: KEY }), 'embedded')
  assert.is(mode({}, { capabilities: BOTH, strapDhKey: KEY, platform: 'apple-ios' }), 'embedded', 'not on phones')
  assert.is(mode({}, { capabilities: BOTH }), 'embedded', 'nothing can be sealed')
  assert.is(mode({}, { capabilities: BOTH, strapDhKey: Buffer.from('no key') }), 'embedded', 'nothing can be sealed')
  assert.is(mode({}, {}), 'code')
  assert.is(mode({ browser: 'code' }, { capabilities: BOTH, strapDhKey: KEY }), 'code')
  assert.is(mode({ 'without-browser': 'refuse' }, {}), undefined, 'the next alternative is tried')
})

test.run()
