import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CONFIG, type OpenInfo } from '../../core/api.ts'
import type { GatewayConfig } from '../../core/config/gateway-config.ts'
import { checkConfig } from '../../core/config/load.ts'
import { PluginHost } from '../../core/host.ts'
import { Slots } from '../../core/slots.ts'
import { TestLog, testDirectory } from '../../core/testing.ts'
import plugin from './index.ts'
import { CLIENTS, connectRequest, session } from './testing.ts'

async function started(config: unknown, fips = false) {
  const slots = new Slots()
  const host = new PluginHost({ log: new TestLog(), slots, dataDirectory: testDirectory(), mode: 'serve' })
  host.publish(CONFIG, { gateway: { fips } } as GatewayConfig)
  await host.start([{ plugin, config: plugin.config.parse(config) }])
  return { slots, host, state: host.status()[0] }
}

test('the plugin asks for datagrams and negotiates; when it stops, nothing of it stays', async () => {
  const { slots, host, state } = await started({})
  assert.equal(state, { name: 'dtls', state: 'on' })
  const sizes = () => [slots.datagrams, slots.negotiator, slots.device].map((slot) => slot.list().length)
  assert.equal(slots.datagrams.list(), ['dtls'])
  assert.equal(sizes(), [1, 1, 1])
  await host.stop()
  assert.equal(sizes(), [0, 0, 0])
})

test('G14 a configuration that leaves no suite: no datagrams, and the status says why', async () => {
  for (const config of [{ psk: false, legacy: false }, { psk: false, ciphers: ['PSK-AES256-GCM-SHA384'] }, { legacy: false, ciphers: ['AES256-SHA'] }]) {
    const { slots, host, state } = await started(config)
    assert.equal(state, { name: 'dtls', state: 'skipped', reason: 'the configuration leaves no cipher suite' })
    assert.equal([slots.datagrams.list(), slots.negotiator.list()], [[], []])
    await host.stop()
  }
})

test('G26 a gateway with fips = true negotiates AES-GCM alone, whatever is configured', async () => {
  const { slots, host, state } = await started({}, true)
  assert.equal(state, { name: 'dtls', state: 'on' })
  const [one] = slots.negotiator.list()
  const { suites } = one as unknown as { readonly suites: readonly { readonly cipher: string }[] }
  assert.equal([...new Set(suites.map(({ cipher }) => /AES(?:128|256)-GCM-SHA(?:256|384)$/.test(cipher)))], [true])
  assert.is(suites[0]?.cipher, 'PSK-AES256-GCM-SHA384')
  await host.stop()
  const none = await started({ ciphers: ['PSK-CHACHA20-POLY1305', 'AES256-SHA'] }, true)
  assert.equal(none.state, { name: 'dtls', state: 'skipped', reason: 'the configuration leaves no approved cipher suite' })
  await none.host.stop()
})

test('another section counts with the next CONNECT of each client; one that leaves no suite is refused', async () => {
  const { slots, host } = await started({})
  const [one] = slots.negotiator.list()
  const negotiator = one as unknown as { readonly suites: readonly { readonly name: string }[] }
  const [client, tlsAlone] = [session(), session()]
  await slots.device.list()[0]?.deviceUp({ udp: [{ address: '0.0.0.0', port: 443 }], aesIsFast: true } as unknown as OpenInfo)
  one?.negotiate(connectRequest(CLIENTS['openconnect 9.01, GnuTLS']), client)
  one?.negotiate(connectRequest({}), tlsAlone)
  const outdated = (): unknown => [client, tlsAlone].map((other) => one?.outdated?.(other))
  assert.equal(outdated(), [false, false])
  const before = negotiator.suites
  assert.ok(host.takesConfig('dtls'))
  await host.applyConfig('dtls', plugin.config.parse({ legacy: false, ciphers: ['PSK-CHACHA20-POLY1305'] }))
  assert.equal(negotiator.suites.map(({ name }) => name), ['PSK-CHACHA20-POLY1305'])
  assert.equal(outdated(), [true, false])
  const refused = await host.applyConfig('dtls', plugin.config.parse({ psk: false, legacy: false })).then(() => 'taken', (error: Error) => error.message)
  assert.match(refused, /^\[dtls\]: the configuration leaves no cipher suite/)
  assert.is(negotiator.suites.length, 1)
  await host.applyConfig('dtls', plugin.config.parse({}))
  assert.equal(negotiator.suites, before)
  assert.equal(outdated(), [false, false])
  assert.is(plugin.toldAtConnect(), 'cipher suites and modes')
  await host.stop()
})

test('G14 a wrong suite in the file is named with its place and the nearest name', () => {
  const refusal = (line: string): string => {
    try {
      checkConfig(Buffer.from(`[dtls]\n${line}\n`), '/etc/postern.toml', [plugin])
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    return 'accepted'
  }
  assert.is(refusal('ciphers = ["PSK-AES256-GCM-SHA384", "PSK-CHACHA20-POLY1350"]'), '/etc/postern.toml:2:37: dtls.ciphers[1]: unknown cipher suite "PSK-CHACHA20-POLY1350"; did you mean "PSK-CHACHA20-POLY1305"?')
  assert.is(refusal('cipher = []'), '/etc/postern.toml:2:1: unknown key "cipher" in [dtls]; did you mean "ciphers"?')
  assert.is(refusal('ciphers = "AES256-SHA"'), '/etc/postern.toml:2:11: dtls.ciphers: must be a list, not text')
  assert.is(refusal('enabled = true\nciphers = ["AES256-SHA"]\npsk = false\nlegacy = true'), 'accepted')
})

test('G14 psk = false and legacy = false take their suites away', async () => {
  const first = async (config: unknown) => {
    const { slots, host } = await started(config)
    const { negotiator } = slots
    const [one] = negotiator.list()
    await host.stop()
    return (one as unknown as { readonly suites: readonly { readonly header: string }[] }).suites.map(({ header }) => header)
  }
  assert.not.ok((await first({ psk: false })).includes('psk'))
  assert.equal([...new Set(await first({ legacy: false }))], ['psk'])
})

test.run()
