// test: limit=120
import { sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { must } from '../lab/command.ts'
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
const PAIRS = [
  { chain: 'multiple-certificate', client: 'xml', path: 'pair', answers: [] },
  { chain: 'multiple-certificate + local', client: 'xml', path: 'more', answers: ['wrong', PASSWORD] },
] as const
const EVERYWHERE = ['alone', 'both', 'either', 'open']
const INIT = '<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="init" aggregate-auth-version="2"><version who="vpn">v9.01-3</version><device-id>linux-64</device-id><capabilities><auth-method>multiple-cert</auth-method></capabilities></config-auth>'

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

  // A client that would answer a request after the handshake gets none: the one in it is enough for the whole login.
  const request = `POST /both HTTP/1.1\r\nHost: vpn\r\nX-Aggregate-Auth: 1\r\nConnection: close\r\nContent-Length: ${INIT.length}\r\n\r\n${INIT}`
  const handshake = await must(['openssl', 's_client', '-connect', `${GATEWAY.ipv4}:443`, '-tls1_3', '-enable_pha', '-msg', '-ign_eof', '-cert', alice.certificate, '-key', alice.key], { namespace: lab.client.namespace, input: request })
  assert.match(handshake, /<<< TLS 1.3, Handshake \[length \w+\], CertificateRequest[^]*>>> TLS 1.3, Handshake \[length \w+\], Finished[^]*<input type="password"/)
  assert.is(handshake.split(', CertificateRequest').length, 2, 'one request')

  assert.match(await refused(lab, gateway, 'alone'), /Server requested SSL client certificate; none was configured[^]*Failed to complete authentication/)
  for (const [client, detail] of [[expired, /certificate has expired on 2021-01-01/], [revoked, /certificate is revoked/]] as const) {
    assert.match(await refused(lab, gateway, 'alone', client), /Failed to complete authentication/)
    await gateway.service?.until('the reason in the log', () => detail.test(gateway.log))
    assert.match(await gateway.must(['audit', '--json']), detail)
  }
  assert.equal(await gateway.sessions(), [])
})

test('G20 openconnect logs in with two certificates, alone and before a password; one that is missing, of another authority or not its own is refused', async (lab) => {
  const machines = await Pki.make(join(lab.folder, 'machines'))
  const people = await Pki.make(join(lab.folder, 'people'), 'People CA')
  const [laptop, alice, mallory] = [await machines.issue('laptop-17'), await people.issue('alice'), await machines.issue('mallory')]
  const gateway = await Gateway.start(lab, {
    users: { alice: { password: PASSWORD, groups: ['pair', 'more', 'or'] } },
    config: {
      group: { ...Object.fromEntries(PAIRS.map(({ chain, path }) => [path, { auth: [chain.split(' + ')] }])), or: { auth: [['multiple-certificate'], ['local']] } },
      'auth-certificate': { ca: machines.ca, 'second-ca': people.ca, 'user-of': 'second' },
    },
  })
  const second = (one: Issued, over: Partial<OpenConnectOptions> = {}): Partial<OpenConnectOptions> => ({ ...over, args: ['--mca-certificate', one.certificate, '--mca-key', one.key] })
  for (const { path, answers } of PAIRS) {
    const one = await OpenConnect.connect(lab.client, lab.folder, options(gateway, path, laptop, second(alice, { answers })))
    const { user, group } = await gateway.session()
    assert.is(`${user} ${group}`, `alice ${path}`)
    await one.stop()
  }
  const refuse = async (path: string, over: Partial<OpenConnectOptions>, said: RegExp): Promise<void> => {
    const one = OpenConnect.start(lab.client, lab.folder, options(gateway, path, laptop, { user: 'alice', answers: ['x', 'x', 'x'], ...over }))
    await one.ended()
    assert.match(one.output, said)
  }
  await refuse('pair', {}, /Client certificate missing or incorrect|Certificate Validation Failure/)
  await refuse('pair', second(mallory), /Certificate Validation Failure/)
  await refuse('or', second(mallory), /Please enter your username and password/)

  const post = (body: string): Promise<string> =>
    must(['curl', '-sk', '--cert', laptop.certificate, '--key', laptop.key, '-H', 'X-Aggregate-Auth: 1', '-H', 'X-Transcend-Version: 1', '--data-binary', '@-', `https://${GATEWAY.ipv4}/pair`], { namespace: lab.client.namespace, input: body })
  const bag = (await must(['openssl', 'crl2pkcs7', '-nocrl', '-certfile', alice.certificate])).replaceAll(/-----.*-----/g, '')
  const challenge = await post(INIT)
  const reply = (signed: string, key: string): string =>
    INIT.replace('"init"', '"auth-reply"').replace('</config-auth>', `${/<opaque.*<\/opaque>/s.exec(challenge)?.[0]}<auth><client-cert-chain cert-store="1M"><client-cert-sent-via-protocol/></client-cert-chain><client-cert-chain cert-store="1U"><client-cert cert-format="pkcs7">${bag}</client-cert><client-cert-auth-signature hash-algorithm-chosen="sha384">${sign('sha384', Buffer.from(signed), readFileSync(key)).toString('base64')}</client-cert-auth-signature></client-cert-chain></auth></config-auth>`)
  assert.match(await post(reply(`${challenge} `, alice.key)), /Certificate Validation Failure/)
  assert.match(await post(reply(challenge, alice.key)), /<random>/, 'a challenge that was answered is worth nothing')
  const audit = await gateway.must(['audit', '--json'])
  assert.match(audit, /step multiple-certificate: the client cannot show a second certificate/)
  assert.match(audit, /step multiple-certificate: second certificate: the authority is not known/)
  assert.match(audit, /step multiple-certificate: second certificate: the signature is not that of its key/)
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
