// test: limit=120
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { makeCertificate } from '../lab/certificate.ts'
import { Gateway } from '../lab/gateway.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['openconnect', 'curl'], clients: 2 })
const PASSWORD = 'correct horse 9'
const HOST = 'vpn2.example.com'

test('G04 two names of one gateway: certificate, groups, pool and policy each, live and for real clients', async (lab) => {
  const second = await makeCertificate(lab.folder, { name: HOST, file: 'second', kind: 'rsa' })
  const gateway = await Gateway.start(lab, {
    users: { alice: { password: PASSWORD, groups: ['staff'] }, bob: { password: PASSWORD, groups: ['partners'] }, carol: { password: PASSWORD, groups: ['guests'] } },
    config: {
      pool: { partners: { ipv4: '10.67.0.0/24' } },
      group: { staff: {}, partners: {}, guests: { policy: { banner: 'Hello guest' } } },
      host: { [HOST]: { certificate: second.certificate, key: second.key, groups: ['partners', 'guests'], policy: { pool: 'partners', banner: 'Hello partner', 'split-include': ['10.88.0.0/24'] } } },
    },
  })
  const [one, other] = lab.clients
  assert.ok(one && other)
  const resolve = (name: string): string[] => ['--resolve', `${name}:10.77.0.1`]
  const bob = { user: 'bob', answers: [PASSWORD] }
  const carol = { user: 'carol', answers: [PASSWORD] }
  // Each client believes one pin: that it connects at all shows which certificate it met.
  const [own, partner] = await Promise.all([
    OpenConnect.connect(one, lab.folder, { server: 'vpn.example.com', pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: resolve('vpn.example.com') }),
    OpenConnect.connect(other, lab.folder, { server: HOST, pin: second.pin, ...bob, args: [...resolve(HOST), '--authgroup', 'partners'] }),
  ])
  const sessions = [...await gateway.sessions()].sort((a, b) => a.user.localeCompare(b.user))
  assert.equal(sessions.map(({ user, group, ipv4, ipv6 }) => [user, group, ipv4?.replace(/\.\d+\.\d+$/, ''), ipv6 === null]), [['alice', 'staff', '10.66', false], ['bob', 'partners', '10.67', true]])
  const env = partner.told('connect') ?? {}
  assert.equal([env['CISCO_BANNER'], env['CISCO_SPLIT_INC_0_ADDR']], ['Hello partner', '10.88.0.0'])
  assert.is(own.told('connect')?.['CISCO_BANNER'], undefined)
  const shown = JSON.parse(await gateway.must(['session', 'show', sessions[1]?.id ?? '', '--json'])) as { readonly host: string; readonly pool: string }
  assert.equal([shown.host, shown.pool], [HOST, 'partners'])

  const { hosts } = await gateway.status() as { readonly hosts: readonly unknown[] }
  assert.equal(hosts, [{ name: HOST, names: [HOST], groups: ['partners', 'guests'], sessions: 1 }])

  // A group URL names groups of its host alone; who knows the name but is no member gets no further.
  await partner.stop()
  const guest = await OpenConnect.connect(other, lab.folder, { server: `${HOST}/guests`, pin: second.pin, ...carol, args: resolve(HOST) })
  assert.equal([(await gateway.sessions()).find(({ user }) => user === 'carol')?.group, guest.told('connect')?.['CISCO_BANNER']], ['guests', 'Hello guest'])
  const curl = async (...args: readonly string[]): Promise<string> =>
    (await one.run(['curl', '-sk', '--max-time', '5', '-o', '/dev/null', '-w', '%{http_code}', '-A', 'Mozilla/5.0', '--resolve', `${HOST}:443:10.77.0.1`, ...args])).stdout
  assert.equal(await Promise.all([curl(`https://${HOST}/guests`), curl(`https://${HOST}/staff`), curl('https://10.77.0.1/guests'), curl(`https://${HOST}/`, '-H', 'Host: vpn.example.com')]), ['200', '404', '404', '421'])
  const elsewhere = OpenConnect.start(one, lab.folder, { pin: gateway.pin, ...bob, args: ['--interface', 'tun1'] })
  await elsewhere.said(/You are not a member of this group/)
  await elsewhere.stop('SIGKILL')

  // A certificate that was replaced is met by who comes next; tunnels stand.
  const third = await makeCertificate(lab.folder, { name: HOST, file: 'third' })
  copyFileSync(third.key, join(lab.folder, 'second.key'))
  copyFileSync(third.certificate, join(lab.folder, 'second.crt'))
  await gateway.must(['reload'])
  const next = OpenConnect.start(one, lab.folder, { server: HOST, pin: third.pin, ...carol, args: [...resolve(HOST), '--authgroup', 'guests', '--authenticate'] })
  await next.said(/COOKIE=/)
  assert.equal((await gateway.sessions()).filter(({ state }) => state !== 'waiting').map(({ user }) => user).sort(), ['alice', 'carol'])
  await guest.stop()
  await own.stop()
})

test.run()
