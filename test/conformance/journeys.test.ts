// test: limit=240
// What happens to a client on its way: each journey ends with the session it began with, and prints the gap a ping saw.
import * as assert from 'uvu/assert'
import { sleep, until } from '../lab/command.ts'
import { SteadyPing, type Gap } from '../lab/gap.ts'
import { Gateway, type ListedSession } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Host, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect', 'nft', 'ss'] })
const PASSWORD = 'correct horse 9'
/** Of both ends: a dead channel is found within seconds. */
const DPD_SEC = 3
const UP = /(?:Established DTLS connection|DTLS connected)/

interface Journey {
  readonly lab: Lab
  readonly gateway: Gateway
  readonly client: OpenConnect
  readonly pings: SteadyPing
  /** At its beginning, on DTLS. */
  readonly before: ListedSession
  /** A tunnel that is not the one of the beginning. */
  newTunnel(limitMs?: number): Promise<ListedSession>
}

/** A client on DTLS that pings the lan; after `body` it is the same session with the same addresses, from one login. */
function journey(name: string, body: (journey: Journey) => Promise<void>, judge: (gap: Gap) => void = () => undefined): void {
  test(name, async (lab) => {
    const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { policy: { dpd: `${DPD_SEC}s`, 'dpd-retries': 2 } } })
    const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
    await client.said(UP)
    const pings = await SteadyPing.start(lab.client, LAN.ipv4)
    const before = await until('DTLS', async () => {
      const session = await gateway.session()
      return session.state === 'dtls' && session
    })
    await body({
      lab, gateway, client, pings, before,
      newTunnel: (limitMs = 30_000) => until('a new tunnel', async () => {
        const session = await gateway.session()
        return session.state !== 'waiting' && session.connectedAt !== before.connectedAt && session
      }, limitMs, () => client.output),
    })
    await pings.flows()
    assert.is((await ping(lab.client, LAN.ipv6)).received, 3)
    const after = await gateway.session()
    const kept = ({ id, ipv4, ipv6, createdAt }: ListedSession) => ({ id, ipv4, ipv6, createdAt })
    assert.equal(kept(after), kept(before))
    assert.is.not(after.state, 'waiting')
    const audit = JSON.parse(await gateway.must(['audit', '--json'])) as readonly { readonly action: string }[]
    assert.is(audit.filter(({ action }) => action === 'login').length, 1, 'nobody was asked for a password again')
    judge(await pings.stop(name))
  })
}

/** Nothing passes between client and gateway, and nobody is told. */
const silence = (host: Host, what = 'ip'): Promise<void> => host.batch('nft', `
table inet silence {
  chain input { type filter hook input priority -10; iifname "c0" ${what === 'udp' ? 'udp dport 443' : ''} drop; }
  chain output { type filter hook output priority -10; oifname "c0" ${what === 'udp' ? 'udp sport 443' : ''} drop; }
}`)
const speech = (host: Host): Promise<void> => host.batch('nft', 'delete table inet silence\n')

/**
 * The other end of the client's cable goes: the client sees no carrier and keeps its addresses and routes, as with a cable
 * pulled out. (With the link taken down the route to the gateway goes too, and openconnect dials through its own tunnel.)
 */
async function unplugged({ client, gateway }: Lab, ms: number): Promise<void> {
  await gateway.must(['sysctl', '-qw', 'net.ipv6.conf.c0.keep_addr_on_down=1'])
  await gateway.must(['ip', 'link', 'set', 'c0', 'down'])
  assert.match(await client.must(['ip', 'link', 'show', 'eth0']), /NO-CARRIER/)
  await sleep(ms)
  await gateway.must(['ip', 'link', 'set', 'c0', 'up'])
}

journey('D07 the cable is out for 5 s', async ({ lab, pings }) => {
  await unplugged(lab, 5000)
  await pings.flows(30_000)
}, ({ seconds }) => assert.ok(seconds > 4.5, 'the cable was out'))

journey('D03 D07 the network is silent for longer than both ends wait: waiting, and back with the cookie', async ({ lab, gateway, newTunnel }) => {
  await silence(lab.gateway)
  await until('the session to wait', async () => (await gateway.session()).state === 'waiting', 30_000)
  await sleep(2000)
  await speech(lab.gateway)
  await newTunnel()
})

journey('G13 UDP is blocked under traffic and comes back: TLS meanwhile, then DTLS, in one tunnel', async ({ lab, gateway, client, pings, before }) => {
  await silence(lab.gateway, 'udp')
  await until('TLS', async () => (await gateway.session()).state === 'tls', 30_000)
  await pings.flows()
  // Within the 12 s that the client's own attempt takes; its next is a minute away (reference protocol 9.6).
  await client.said(/DTLS Dead Peer Detection detected dead peer/)
  await speech(lab.gateway)
  const back = await until('DTLS', async () => {
    const session = await gateway.session()
    return session.state === 'dtls' && session
  }, 90_000, () => client.output)
  assert.is(back.connectedAt, before.connectedAt, 'the tunnel is the one of the beginning')
})

journey('D03 the client sleeps for longer than the gateway waits: waiting, and back with the cookie', async ({ gateway, client, newTunnel }) => {
  process.kill(client.service.pid, 'SIGSTOP')
  try {
    const { idleSince } = await until('the session to wait', async () => {
      const session = await gateway.session()
      return session.state === 'waiting' && session
    }, 30_000)
    assert.ok(idleSince)
    await sleep(5000)
  } finally {
    process.kill(client.service.pid, 'SIGCONT')
  }
  await newTunnel()
})

journey('D07 the client\'s TCP connection is reset', async ({ lab, newTunnel }) => {
  await lab.client.must(['ss', '-K', 'dst', GATEWAY.ipv4])
  await newTunnel()
})

test.run()
