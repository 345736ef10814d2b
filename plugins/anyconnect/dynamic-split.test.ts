import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Policy } from '../../core/api.ts'
import { connectText, INIT, portFixture, replyTo, type TestAnswer } from './testing.ts'

const POLICY: Partial<Policy> = { dynamicSplitExclude: ['teams.example', 'zoom.example', 'teams.example'], dynamicSplitInclude: ['corp.example'], nbns: ['10.1.0.5'], clientBypassProtocol: true }
const ATTRIBUTES = '<opaque is-for="vpn-client"><custom-attr>'
  + '<dynamic-split-include-domains><![CDATA[corp.example]]></dynamic-split-include-domains>'
  + '<dynamic-split-exclude-domains><![CDATA[teams.example,zoom.example]]></dynamic-split-exclude-domains></custom-attr></opaque>'

async function answers(agent: string, policy: Partial<Policy>): Promise<{ readonly complete: string; readonly connect: TestAnswer }> {
  const fixture = portFixture({ policy })
  const client = fixture.connect()
  const form = await client.post('/', INIT, { 'User-Agent': agent })
  const { body: complete } = await client.post('/', replyTo(form.body, { username: 'test', password: 'test123' }), { 'User-Agent': agent })
  const cookie = /<session-token>([^<]+)</.exec(complete)?.[1] ?? ''
  const connect = await fixture.connect().raw(connectText(cookie, { 'User-Agent': agent }))
  fixture.stop()
  if (!connect) throw new Error('no answer')
  return { complete, connect }
}

test('G16 cisco-script: a client on a desktop hears of domains in both places', async () => {
  const { complete, connect } = await answers('AnyConnect Windows 5.1.2.42', POLICY)
  assert.ok(complete.includes(ATTRIBUTES), complete)
  assert.is(connect.header('X-CSTP-Post-Auth-XML'),
    `<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="complete" aggregate-auth-version="2"><config client="vpn" type="private">${ATTRIBUTES}</config></config-auth>`)
  assert.is(connect.header('X-CSTP-NBNS'), '10.1.0.5')
  assert.is(connect.header('X-CSTP-Client-Bypass-Protocol'), 'true')
})

test('G16 whoever does not know domains does not hear of them, and no header comes without any', async () => {
  for (const agent of ['Cisco AnyConnect VPN Agent for Apple iPhone 5.1.16.264', 'AnyConnect Android 5.1.15.344', 'Open AnyConnect VPN Agent v9.01-3']) {
    const { complete, connect } = await answers(agent, POLICY)
    assert.not.match(complete, /custom-attr/, agent)
    assert.is(connect.header('X-CSTP-Post-Auth-XML'), undefined, agent)
  }
  const { complete, connect } = await answers('AnyConnect Windows 5.1.2.42', {})
  assert.match(complete, /<opaque is-for="vpn-client"><\/opaque>/)
  assert.is(connect.header('X-CSTP-Post-Auth-XML'), undefined)
  assert.is(connect.header('X-CSTP-Client-Bypass-Protocol'), 'false')
})

test.run()
