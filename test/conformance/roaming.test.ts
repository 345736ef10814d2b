// test: limit=240
// A client moves: its NAT forgets it, its address changes, its family does. Each test prints the gap that a ping saw.
import * as assert from 'uvu/assert'
import { AnyConnectConnection, header, login } from '../lab/anyconnect.ts'
import { sleep, until } from '../lab/command.ts'
import { SteadyPing } from '../lab/gap.ts'
import { Gateway, type GatewayOptions, type ListedSession } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Host, type Lab } from '../lab/lab.ts'
import { phoneBehindRouter } from '../lab/nat.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { opensslOpenConnect } from '../lab/openssl-openconnect.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect', 'nft'], clients: 2 })
const PASSWORD = 'correct horse 9'
const UP = /Established DTLS connection/g
const openssl = opensslOpenConnect()

const start = (lab: Lab, policy: NonNullable<GatewayOptions['config']> = {}): Promise<Gateway> =>
  Gateway.start(lab, { users: { alice: PASSWORD }, config: { policy: { dpd: '3s', 'dpd-retries': 2, ...policy } } })
const connect = (lab: Lab, gateway: Gateway, host: Host, program?: string): Promise<OpenConnect> =>
  OpenConnect.connect(host, lab.folder, { program, pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
const onDtls = (gateway: Gateway, client: OpenConnect, after = ''): Promise<ListedSession> =>
  until('DTLS', async () => {
    const session = await gateway.session()
    return session.state === 'dtls' && session.connectedAt !== after && session
  }, 30_000, () => client.output + gateway.log)

async function sameSession(gateway: Gateway, before: ListedSession): Promise<ListedSession> {
  const after = await gateway.session()
  const kept = ({ id, ipv4, ipv6, createdAt }: ListedSession) => ({ id, ipv4, ipv6, createdAt })
  assert.equal(kept(after), kept(before))
  const audit = JSON.parse(await gateway.must(['audit', '--json'])) as readonly { readonly action: string }[]
  assert.is(audit.filter(({ action }) => action === 'login').length, 1, 'nobody was asked for a password again')
  return after
}
const count = async (gateway: Gateway, name: string): Promise<number> => Number(((await gateway.status()) as { counters: Record<string, number> }).counters[name])
/** Lines may come late. */
const logged = (gateway: Gateway, line: RegExp): Promise<unknown> => until(`${line} in the log`, () => line.test(gateway.log), 5000, () => gateway.log)

/** The router's mapping of UDP goes, and the next one has another port; TCP, mapped by a rule of its own, stays. */
async function rebindings(router: Host): Promise<() => Promise<void>> {
  await router.batch('nft', `delete table ip router
table ip router {
  chain input { type filter hook input priority 0; ct state established accept; iifname eth0 meta l4proto udp drop; }
  chain postrouting {
    type nat hook postrouting priority 100;
    ip saddr 10.99.0.0/24 meta l4proto udp masquerade fully-random
    ip saddr 10.99.0.0/24 snat to ${router.ipv4}
  }
}
`)
  await router.must(['sysctl', '-qw', 'net.ipv6.conf.eth0.keep_addr_on_down=1'])
  // The kernel forgets what it masqueraded for a link that goes down.
  return () => router.batch('ip', 'link set eth0 down\nlink set eth0 up\n')
}

test('D08 a NAT forgets the client in mid-flow, twice: DTLS goes on from the new port', async (lab) => {
  const gateway = await start(lab)
  const phone = await phoneBehindRouter(lab, 180)
  const forget = await rebindings(lab.client)
  const client = await connect(lab, gateway, phone)
  await client.said(UP)
  const pings = await SteadyPing.start(phone, LAN.ipv4)
  const before = await onDtls(gateway, client)
  for (const times of [1, 2]) {
    await forget()
    await until('the channel to move', async () => (await count(gateway, 'dtlsRoamed')) === times, 20_000, () => client.output + gateway.log)
    await pings.flows()
    if (times === 1) await sleep(3000) // a channel moves no sooner
  }
  const after = await sameSession(gateway, before)
  assert.is(after.connectedAt, before.connectedAt, 'one tunnel')
  assert.is(after.state, 'dtls')
  assert.is(client.output.match(UP)?.length, 1, 'one handshake')
  await logged(gateway, new RegExp(`"to":"${after.peer.replaceAll('.', '\\.')}","msg":"session roamed"`))
  const { seconds } = await pings.stop('NAT rebinding')
  assert.ok(seconds < 3, 'no DPD had to find out')
  await client.stop()
})

test('D08 deny-roaming: a NAT that forgets costs the DTLS channel, not the tunnel', async (lab) => {
  const gateway = await start(lab, { 'deny-roaming': true })
  const phone = await phoneBehindRouter(lab, 180)
  const forget = await rebindings(lab.client)
  const client = await connect(lab, gateway, phone)
  await client.said(UP)
  const pings = await SteadyPing.start(phone, LAN.ipv4)
  const before = await onDtls(gateway, client)
  await forget()
  await until('the refusal', async () => (await count(gateway, 'dtlsRoamingRefused')) > 0)
  await pings.flows(30_000)
  assert.is((await sameSession(gateway, before)).connectedAt, before.connectedAt)
  assert.is(await count(gateway, 'dtlsRoamed'), 0)
  await pings.stop('NAT rebinding, deny-roaming')
  await client.stop()
})

test('D08 the client gets another address: it comes back with its cookie, on DTLS', async (lab) => {
  const gateway = await start(lab)
  const host = lab.client
  const client = await connect(lab, gateway, host)
  await client.said(UP)
  const pings = await SteadyPing.start(host, LAN.ipv4)
  const before = await onDtls(gateway, client)
  try {
    await lab.gateway.must(['ip', 'route', 'add', '10.77.0.99/32', 'dev', 'c0'])
    await host.must(['sysctl', '-qw', 'net.ipv4.conf.all.promote_secondaries=1'])
    await host.batch('ip', `address add 10.77.0.99/24 dev eth0\naddress del ${host.ipv4}/24 dev eth0\n`)
    const after = await onDtls(gateway, client, before.connectedAt ?? '')
    await pings.flows()
    await sameSession(gateway, before)
    assert.match(after.peer, /^10\.77\.0\.99:/)
    await logged(gateway, /"from":"10\.77\.0\.10:\d+","to":"10\.77\.0\.99:\d+","msg":"session roamed"/)
    await pings.stop('another address')
    await client.stop()
  } finally {
    await host.batch('ip', `address add ${host.ipv4}/24 dev eth0\naddress del 10.77.0.99/24 dev eth0\n`)
    await lab.gateway.must(['ip', 'route', 'del', '10.77.0.99/32', 'dev', 'c0'])
  }
})

test('D08 IPv4 to IPv6 with the cookie: the same session and addresses; with deny-roaming 401', async (lab) => {
  const gateway = await start(lab)
  const relay = await Relay.start(lab, lab.client)
  const open = async (address: string): Promise<AnyConnectConnection> => new AnyConnectConnection(await relay.tls({ address }), address)
  const roam = async (): Promise<{ readonly status: number; readonly reason: string | undefined; readonly kept: boolean }> => {
    const cookie = await login(await open(GATEWAY.ipv4), { username: 'alice', password: PASSWORD })
    const first = await (await open(GATEWAY.ipv4)).tunnel(cookie)
    const second = await (await open(GATEWAY.ipv6)).tunnel(cookie)
    const kept = ['X-CSTP-Address', 'X-CSTP-Address-IP6', 'X-DTLS-App-ID'].every((name) => header(first, name) === header(second, name))
    return { status: second.status, reason: header(second, 'X-Reason'), kept }
  }
  assert.equal(await roam(), { status: 200, reason: undefined, kept: true })
  assert.match((await gateway.session()).peer, /^\[fd77::/)
  await logged(gateway, /"to":"\[fd77::10\]:\d+","msg":"session roamed"/)
  await gateway.stop()
  gateway.configure({ policy: { 'deny-roaming': true } })
  await gateway.start()
  const { status, reason } = await roam()
  assert.equal({ status, reason }, { status: 401, reason: 'This session may not move to another address' })
  await logged(gateway, /"reason":"deny-roaming".*"msg":"tunnel refused"/)
})

if (openssl !== undefined) {
  test('D08 OpenSSL: a client that keeps its first key has DTLS again at once after each reconnect', async (lab) => {
    const gateway = await start(lab)
    const client = await connect(lab, gateway, lab.client, openssl)
    await client.said(UP)
    const pings = await SteadyPing.start(lab.client, LAN.ipv4)
    let last = await onDtls(gateway, client)
    for (const times of [2, 3]) {
      client.service.kill('SIGUSR2')
      last = await onDtls(gateway, client, last.connectedAt ?? '')
      await until('its DTLS', () => client.output.match(UP)?.length === times)
    }
    await pings.flows()
    await sameSession(gateway, last)
    await pings.stop('reconnects, OpenSSL')
    await client.stop()
  })
}

test.run()
