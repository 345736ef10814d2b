// test: limit=120
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Gateway } from '../lab/gateway.ts'
import { GATEWAY, LAN, type Lab } from '../lab/lab.ts'
import { OpenConnect, type OpenConnectOptions } from '../lab/openconnect.ts'
import { Pki, type Issued } from '../lab/pki.ts'
import { labTests } from '../lab/suite.ts'
import { ping } from '../lab/traffic.ts'

const test = labTests({ peers: ['openconnect'] })
const PASSWORD = 'correct horse 9'

const options = (gateway: Gateway, path: string, client?: Issued, over: Partial<OpenConnectOptions> = {}): OpenConnectOptions => ({
  pin: gateway.pin, server: `${GATEWAY.ipv4}/${path}`, ...over, args: [...(client ? ['-c', client.certificate, '-k', client.key] : []), ...(over.args ?? [])],
})
async function refused(lab: Lab, gateway: Gateway, path: string, client?: Issued): Promise<string> {
  const one = OpenConnect.start(lab.client, lab.folder, options(gateway, path, client, { answers: ['x', 'x', 'x'] }))
  assert.is.not((await one.ended()).code, 0)
  return one.output
}
const CONFIG = {
  group: {
    open: { auth: [['local']] },
    alone: { auth: [['certificate']] },
    both: { auth: [['certificate', 'local']] },
    either: { auth: [['certificate'], ['local']] },
  },
}
const EVERYWHERE = ['alone', 'both', 'either', 'open']

test('G20 openconnect logs in with a certificate alone, with a password beside it or instead of it, and reads why it may not', async (lab) => {
  const pki = await Pki.make(join(lab.folder, 'pki'))
  const alice = await pki.issue('alice')
  const expired = await pki.issue('late', { from: '20200101000000Z', to: '20210101000000Z' })
  const revoked = await pki.issue('gone')
  await pki.revoke('gone')
  const gateway = await Gateway.start(lab, {
    users: { alice: { password: PASSWORD, groups: EVERYWHERE }, bob: { password: PASSWORD, groups: EVERYWHERE } },
    config: { ...CONFIG, 'auth-certificate': { ca: pki.ca, crl: await pki.list() } },
  })
  const login = async (path: string, client: Issued | undefined, over: Partial<OpenConnectOptions> = {}): Promise<string> => {
    const one = await OpenConnect.connect(lab.client, lab.folder, options(gateway, path, client, over))
    const { user, group } = await gateway.session()
    if (path === 'alone') assert.is((await ping(lab.client, LAN.ipv4)).received, 3)
    await one.stop()
    return `${user} ${group}`
  }
  assert.is(await login('alone', alice), 'alice alone')
  assert.is(await login('both', alice, { user: 'alice', answers: [PASSWORD] }), 'alice both')
  assert.is(await login('either', alice), 'alice either')
  assert.is(await login('either', undefined, { user: 'bob', answers: [PASSWORD] }), 'bob either')

  assert.match(await refused(lab, gateway, 'alone'), /Server requested SSL client certificate; none was configured[^]*Failed to complete authentication/)
  for (const [client, detail] of [[expired, /certificate has expired on 2021-01-01/], [revoked, /certificate is revoked/]] as const) {
    assert.match(await refused(lab, gateway, 'alone', client), /Failed to complete authentication/)
    await gateway.service?.until('the reason in the log', () => detail.test(gateway.log))
    assert.match(await gateway.must(['audit', '--json']), detail)
  }
  assert.equal(await gateway.sessions(), [])
})

test('G20 openconnect takes the .p12 of the own authority, comes back by its cookie, and is cut off when it is revoked; a reload brings the step', async (lab) => {
  const gateway = await Gateway.start(lab, { config: { group: { open: { auth: [['local']] } } } })
  const { file, password } = JSON.parse(await gateway.must(['cert', 'issue', 'carol', '--json'])) as { file: string; password: string }
  gateway.configure({ group: { alone: CONFIG.group.alone, open: CONFIG.group.open } })
  await gateway.must(['reload'])
  const arguments_ = ['-c', file, '--key-password', password]
  const client = await OpenConnect.connect(lab.client, lab.folder, options(gateway, 'alone', undefined, { args: arguments_ }))
  assert.is((await gateway.session()).user, 'carol')
  client.forget('reconnect')
  client.service.kill('SIGUSR2')
  await client.happened('reconnect')
  await gateway.must(['cert', 'revoke', 'carol', '--yes'])
  await client.ended()
  assert.equal(await gateway.sessions(), [])
  const again = OpenConnect.start(lab.client, lab.folder, options(gateway, 'alone', undefined, { args: arguments_ }))
  assert.is.not((await again.ended()).code, 0)
  await gateway.service?.until('the reason in the log', () => /certificate is revoked/.test(gateway.log))
  assert.not(gateway.log.includes(password))
})

test.run()
