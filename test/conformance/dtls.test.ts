// test: limit=420
import * as assert from 'uvu/assert'
import { until } from '../lab/command.ts'
import { Capture } from '../lab/capture.ts'
import { Gateway } from '../lab/gateway.ts'
import { LAN, type Host, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { opensslOpenConnect } from '../lab/openssl-openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping, serveTransfers, transfer } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect', 'nft', 'tcpdump', 'tshark'] })
const PASSWORD = 'correct horse 9'
const UP = /(?:Established DTLS connection|DTLS connected)/

interface Build {
  readonly name: string
  readonly program: string | undefined
  /** Arguments that keep the client to TLS 1.2. */
  readonly tls12: readonly string[]
}
const openssl = opensslOpenConnect()
const BUILDS: readonly Build[] = [
  { name: 'GnuTLS', program: undefined, tls12: ['--gnutls-priority', 'NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2'] },
  ...(openssl === undefined ? [] : [{ name: 'OpenSSL', program: openssl, tls12: [] }]),
]

const block = (host: Host): Promise<void> => host.batch('nft', 'table inet blocked {\n chain input { type filter hook input priority 0; udp dport 443 drop; }\n chain output { type filter hook output priority 0; udp sport 443 drop; }\n}')
const unblock = (host: Host): Promise<void> => host.batch('nft', 'delete table inet blocked')

async function onDtls(gateway: Gateway): Promise<string> {
  const session = await until('the session to be on DTLS', async () => {
    const one = await gateway.session()
    return one.state === 'dtls' ? one : undefined
  }, 20_000, () => gateway.log)
  assert.is(session.dtls?.version, 'DTLSv1.2')
  return session.dtls?.cipher ?? ''
}

const connect = (lab: Lab, gateway: Gateway, { program }: Build, args: readonly string[] = []): Promise<OpenConnect> =>
  OpenConnect.connect(lab.client, lab.folder, { program, pin: gateway.pin, user: 'alice', answers: [PASSWORD], args })

for (const build of BUILDS) {
  test(`G11 ${build.name}: on DTLS by PSK after a HelloVerifyRequest, nothing in clear, at the full MTU`, async (lab) => {
    const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
    const capture = await Capture.start(lab, lab.client, 'eth0', 'udp port 443')
    const client = await connect(lab, gateway, build)
    await client.said(UP)
    for (const address of [LAN.ipv4, LAN.ipv6]) assert.is((await ping(lab.client, address, { count: 5, size: 1000 })).received, 5)
    assert.match(await onDtls(gateway), /^PSK-/)
    const mtu = Number((await client.connected()).INTERNAL_IP4_MTU)
    assert.ok(mtu > 1350, `the client settled at an MTU of ${mtu}`)
    assert.is((await ping(lab.client, LAN.ipv4, { size: mtu - 28, dontFragment: true })).received, 3)
    const packets = await capture.fields(['udp.srcport', 'dtls.record.content_type', 'dtls.handshake.type', 'dtls.record.epoch'])
    const first = packets.find(([port, , handshake]) => port === '443' && handshake !== '')
    assert.is(first?.[2], '3', 'the first answer of the gateway is a HelloVerifyRequest')
    for (const [, types = ''] of packets) {
      for (const type of types.split(',')) assert.ok(['20', '21', '22', '23'].includes(type), `every datagram is DTLS, got ${types}`)
    }
    assert.ok(packets.filter(([, types]) => types?.split(',').includes('23')).length > 10, 'the echoes went over UDP')
    await client.stop()
  })

  test(`G12 ${build.name}: the resumed mode with the client's master secret, each suite, no HelloVerifyRequest`, async (lab) => {
    const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
    const suites = [
      ['--dtls-ciphers', 'OC-DTLS1_2-AES256-GCM'],
      ['--dtls-ciphers', 'OC-DTLS1_2-AES128-GCM'],
      ['--dtls-ciphers', 'AES128-SHA', '--dtls12-ciphers', 'ECDHE-RSA-AES256-GCM-SHA384'],
      ['--dtls-ciphers', 'AES128-SHA', '--dtls12-ciphers', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ]
    for (const args of suites) {
      const capture = await Capture.start(lab, lab.client, 'eth0', 'udp port 443')
      const client = await connect(lab, gateway, build, args)
      await client.said(UP)
      assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
      await onDtls(gateway)
      await client.stop()
      await until('the session to end', async () => (await gateway.sessions()).length === 0)
      const handshakes = (await capture.fields(['udp.srcport', 'dtls.handshake.type'])).filter(([port, type]) => port === '443' && type !== '')
      assert.match(handshakes[0]?.[1] ?? '', /^2\b/, `${args.join(' ')}: the gateway answers with ServerHello at once`)
    }
  })

  test(`G14 ${build.name}: every PSK suite of the configuration, over TLS 1.2 and 1.3`, async (lab) => {
    for (const suite of ['PSK-AES256-GCM-SHA384', 'PSK-AES128-GCM-SHA256', 'PSK-CHACHA20-POLY1305']) {
      const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { dtls: { ciphers: [suite] } } })
      for (const args of build.tls12.length > 0 ? [[], build.tls12] : [[]]) {
        const client = await connect(lab, gateway, build, args)
        await client.said(UP)
        assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
        assert.is(await onDtls(gateway), suite)
        await client.stop()
        await until('the session to end', async () => (await gateway.sessions()).length === 0)
      }
      await gateway.stop()
    }
  })
}

test('G13 1 GB each way over DTLS, byte for byte', async (lab) => {
  await serveTransfers(lab)
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  await client.said(UP)
  for (const way of ['up', 'down'] as const) assert.is((await transfer(lab.client, way, 1_000_000_000, { limitMs: 150_000 })).bytes, 1_000_000_000)
  await onDtls(gateway)
})

test('G13 UDP blocked under traffic: TLS goes on at once; unblocked: DTLS comes back', async (lab) => {
  await serveTransfers(lab)
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { policy: { dpd: '5s' } } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['--force-dpd', '3'] })
  await client.said(UP)
  await ping(lab.client, LAN.ipv4)
  await onDtls(gateway)
  const moving = transfer(lab.client, 'up', 300_000_000, { limitMs: 120_000 })
  await block(lab.gateway)
  assert.is((await moving).bytes, 300_000_000)
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
  await until('the gateway to give DTLS up', async () => (await gateway.session()).state === 'tls', 40_000)
  assert.match(gateway.log, /"msg":"dtls down"/)
  await unblock(lab.gateway)
  await until('DTLS to come back', async () => {
    await ping(lab.client, LAN.ipv4, { count: 1 })
    return (await gateway.session()).state === 'dtls'
  }, 90_000, () => client.output)
})

test('G11 without the plugin the gateway is TLS only, says so, and takes no datagrams', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { dtls: { enabled: false } } })
  const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
  assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
  assert.not.match(client.output, UP)
  assert.is((await gateway.session()).state, 'tls')
  const { stdout } = await lab.gateway.run(['ss', '-Hlun', 'sport', '=', ':443'])
  assert.is(stdout.trim(), '')
  const { plugins } = (await gateway.status()) as { plugins: readonly { name: string; state: string }[] }
  assert.is(plugins.find(({ name }) => name === 'dtls')?.state, 'off')
})

test.run()
