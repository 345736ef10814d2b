// test: limit=240
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { offerEncodings } from '../lab/encoding-proxy.ts'
import { Gateway } from '../lab/gateway.ts'
import type { Host } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { opensslOpenConnect } from '../lab/openssl-openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { serveTransfers, transfer } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'
const SIZE = 4_000_000
/** Debian's knows LZ4 and LZS; the other is built without LZ4. */
const openssl = opensslOpenConnect()
const BUILDS = [
  { name: 'GnuTLS', program: undefined, stateless: 'oc-lz4' },
  ...(openssl === undefined ? [] : [{ name: 'OpenSSL', program: openssl, stateless: 'lzs' }]),
]
const COUNTERS = ['compressed', 'decompressed', 'decompressFailures', 'cstpFrameErrors'] as const

async function counters(gateway: Gateway): Promise<Record<(typeof COUNTERS)[number], number>> {
  const all = (await gateway.status()).counters as Readonly<Record<string, number | string>>
  return Object.fromEntries(COUNTERS.map((name) => [name, Number(all[name])])) as Record<(typeof COUNTERS)[number], number>
}
/** Octets that the client's cable has carried in a direction. */
const wire = async (host: Host, way: 'up' | 'down'): Promise<number> => Number(await host.must(['cat', `/sys/class/net/eth0/statistics/${way === 'up' ? 'tx' : 'rx'}_bytes`]))

/** Moves what can be compressed and what cannot, both ways, byte for byte; only the former is smaller on the wire. */
async function movesBothWays(gateway: Gateway, host: Host): Promise<void> {
  const before = await counters(gateway)
  for (const way of ['up', 'down'] as const) {
    const carried = await wire(host, way)
    await transfer(host, way, SIZE, { compressible: true })
    const octets = (await wire(host, way)) - carried
    assert.ok(octets < SIZE / 2, `${way}: ${octets} octets on the wire for ${SIZE}`)
    await transfer(host, way, SIZE / 4)
  }
  const after = await counters(gateway)
  for (const name of ['compressed', 'decompressed'] as const) assert.ok(after[name] - before[name] > SIZE / 1500 / 2, `${name}: ${after[name]}`)
  assert.equal([after.decompressFailures, after.cstpFrameErrors], [0, 0])
}

for (const { name, program, stateless } of BUILDS) {
  const common = { program, user: 'alice', answers: [PASSWORD] }
  const users = { alice: PASSWORD }
  const config = { policy: { compression: true } }

  test(`G15 ${name}: ${stateless} on the TLS channel, then on the DTLS channel, smaller on the wire and byte for byte`, async (lab) => {
    await serveTransfers(lab)
    const gateway = await Gateway.start(lab, { users, config })
    for (const [channel, args] of [['CSTP', ['--no-dtls']], ['DTLS', []]] as const) {
      const client = await OpenConnect.connect(lab.client, lab.folder, { ...common, pin: gateway.pin, args: ['-v', ...args] })
      await client.said(new RegExp(`X-${channel}-Content-Encoding: ${stateless}\\b`))
      if (channel === 'DTLS') await until('the session to be on DTLS', async () => (await gateway.session()).state === 'dtls')
      await movesBothWays(gateway, lab.client)
      await client.stop()
      await until('the session to end', async () => (await gateway.sessions()).length === 0)
    }
  })

  test(`G15 ${name}: deflate on the TLS channel, and a fresh stream after a reconnect`, async (lab) => {
    await serveTransfers(lab)
    // A man in the middle changes what the client offers, and its proof of possession is made for him.
    const gateway = await Gateway.start(lab, { users, config: { ...config, anyconnect: { strap: 'ignore' } } })
    const [certificate] = gateway.certificates
    assert.ok(certificate)
    const server = await offerEncodings(lab, certificate, 'deflate')
    const client = await OpenConnect.connect(lab.client, lab.folder, { ...common, server, pin: gateway.pin, args: ['-v', '--deflate', '--no-dtls'] })
    await client.said(/X-CSTP-Content-Encoding: deflate/)
    await movesBothWays(gateway, lab.client)
    client.forget('reconnect')
    client.service.kill('SIGUSR2')
    await client.happened('reconnect')
    for (const way of ['up', 'down'] as const) await transfer(lab.client, way, SIZE, { compressible: true })
    const { decompressFailures, cstpFrameErrors } = await counters(gateway)
    assert.equal([decompressFailures, cstpFrameErrors], [0, 0])
    assert.not.match(client.output, /adler32|inflate failed/)
    await client.stop()
  })
}

test('G15 off by default: nothing is answered and nothing compressed', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['-v', '--deflate'] })
  await serveTransfers(lab)
  await transfer(lab.client, 'down', SIZE / 4, { compressible: true })
  assert.not.match(client.output, /Content-Encoding/)
  const { compressed, decompressed } = await counters(gateway)
  assert.equal([compressed, decompressed], [0, 0])
  await client.stop()
})

test.run()
