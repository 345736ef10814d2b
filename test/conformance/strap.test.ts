// test: limit=120
import * as assert from 'uvu/assert'
import { AnyConnectConnection } from '../lab/anyconnect.ts'
import { until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { Relay } from '../lab/relay.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect', 'ss'] })
const PASSWORD = 'correct horse 9'
/** Of openconnect's package; without an offer it is not run. */
const CSD = '/usr/libexec/openconnect/csd-post.sh'
const OLD_TLS = ['--gnutls-priority', 'NORMAL:-VERS-ALL:+VERS-TLS1.2']

/** The cookie as openconnect prints it, with the key of its login; and the two parts. */
async function authenticated(lab: Lab, gateway: Gateway): Promise<{ readonly cookie: string; readonly key: string; readonly webvpn: string }> {
  const asked = OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['--authenticate', '--csd-wrapper', CSD] })
  await asked.ended()
  const cookie = /^COOKIE='([^']+)'/m.exec(asked.output)?.[1] ?? ''
  const [, key = '', webvpn = ''] = /^openconnect_strapkey=([^;]+); webvpn=(.+)$/.exec(cookie) ?? []
  return { cookie, key, webvpn }
}
const withCookie = (gateway: Gateway, cookie: string) => ({ pin: gateway.pin, args: ['--cookie', cookie] })

test('G24 openconnect proves itself on TLS 1.3 and 1.2, with a new key at each CONNECT', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD }, config: { anyconnect: { strap: 'require' } } })
  for (const [version, args, rounds] of [['TLSv1.3', [], 2], ['TLSv1.2', OLD_TLS, 1]] as const) {
    const client = await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args })
    const before = await gateway.session()
    assert.is(before.tls?.version, version)
    for (let round = 0; round < rounds; round++) {
      client.forget('reconnect')
      const { tunnels } = JSON.parse(await gateway.must(['session', 'show', before.id, '--json'])) as { tunnels: number }
      await lab.client.must(['ss', '-K', 'dst', GATEWAY.ipv4])
      await client.happened('reconnect')
      await until('the next tunnel', async () => (JSON.parse(await gateway.must(['session', 'show', before.id, '--json'])) as { tunnels: number; state: string }).tunnels > tunnels)
    }
    assert.is((await gateway.session()).id, before.id)
    await client.stop('SIGINT')
    await until('the session to end', async () => (await gateway.sessions()).length === 0)
  }
  assert.not.match(gateway.log, /proof of possession/)
})

test('G24 a cookie moves with its key, not without: 401, and its owner goes on', async (lab) => {
  const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
  const [mine, other] = [await authenticated(lab, gateway), await authenticated(lab, gateway)]
  // The cookie alone, before anybody has proved anything.
  const alone = await OpenConnect.connect(lab.client, lab.folder, withCookie(gateway, mine.webvpn))
  await alone.stop('SIGKILL')
  assert.ok(mine.key !== '' && mine.webvpn !== '', 'openconnect prints its key')
  const scanned = await lab.client.must([CSD, 'x', '-ticket', '"AB"', '-stub', '"0"'], { env: { CSD_HOSTNAME: GATEWAY.ipv4, CSD_SHA256: gateway.pin.replace('pin-sha256:', '') } })
  assert.match(scanned, /TOKEN_SUCCESS/)
  // Started three times with the one key that it printed.
  for (let round = 0; round < 3; round++) {
    const client = await OpenConnect.connect(lab.client, lab.folder, withCookie(gateway, mine.cookie))
    if (round < 2) await client.stop('SIGKILL')
    else {
      const moved = await OpenConnect.start(lab.client, lab.folder, withCookie(gateway, `openconnect_strapkey=${other.key}; webvpn=${mine.webvpn}`)).ended()
      assert.is(moved.code, 2)
      assert.match(moved.stderr, /Cookie was rejected by server/)
      const relay = await Relay.start(lab, lab.client)
      const bare = await new AnyConnectConnection(await relay.tls(), GATEWAY.ipv4).tunnel(mine.webvpn)
      assert.equal([bare.status, bare.statusText], [401, 'This session belongs to another client'])
      assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
    }
  }
  assert.match(await gateway.must(['audit']), /session\.proof/)
  assert.not(gateway.log.includes(mine.key), 'the log holds no key')
})

test.run()
