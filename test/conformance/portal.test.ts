// test: limit=120
import * as assert from 'uvu/assert'
import type { CommandResult } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { labTests } from '../lab/suite.ts'
import type { Lab } from '../lab/lab.ts'

const test = labTests({ peers: ['curl', 'openconnect'] })
const PASSWORD = 'correct horse 9'
const BROWSER = ['-H', 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120 Safari/537.36', '-H', 'Accept: text/html,application/xhtml+xml,*/*;q=0.8']
const OPENCONNECT = ['-H', 'User-Agent: Open AnyConnect VPN Agent v9.01-3', '-H', 'Accept: */*']

const curl = (lab: Lab, path: string, ...args: string[]): Promise<CommandResult> =>
  lab.client.run(['curl', '-sk', '-i', '--max-time', '10', ...args, `https://10.77.0.1${path}`])

test('G02 a browser sees the portal, whatever of the known addresses it takes', async (lab) => {
  await Gateway.start(lab)
  for (const path of ['/', '/+webvpn+/index.html', '/webvpn.html', '/+CSCOE+/logon.html', '/?from=bookmark']) {
    const { code, stdout } = await curl(lab, path, '-L', ...BROWSER)
    assert.is(code, 0, path)
    assert.match(stdout, /^HTTP\/1\.1 200/m, path)
    assert.match(stdout, /^content-type: text\/html/im, path)
    assert.match(stdout, /Postern/, path)
  }
  const insecure = await curl(lab, '/', ...BROWSER)
  assert.match(insecure.stdout, /^strict-transport-security:/im)
  assert.match(insecure.stdout, /^x-content-type-options: nosniff/im)
})

test('G02 HEAD answers like GET without a body, unknown paths are 404, unknown methods are refused', async (lab) => {
  await Gateway.start(lab)
  const head = await curl(lab, '/', '-I', ...BROWSER)
  assert.is(head.code, 0)
  assert.match(head.stdout, /^HTTP\/1\.1 200/)
  assert.match(head.stdout, /^content-length: [1-9]/im)
  assert.not.match(head.stdout, /<html/i)
  assert.match((await curl(lab, '/no/such/page', ...BROWSER)).stdout, /^HTTP\/1\.1 404/)
  assert.match((await curl(lab, '/', '-X', 'DELETE', ...BROWSER)).stdout, /^HTTP\/1\.1 (405|501)/)
})

test('G03 a client without aggregate authentication logs in by the plain form', async (lab) => {
  await Gateway.start(lab, { users: { alice: PASSWORD } })
  const form = await curl(lab, '/', ...OPENCONNECT)
  assert.match(form.stdout, /^HTTP\/1\.1 200/)
  assert.match(form.stdout, /<auth id="main">/)
  assert.match(form.stdout, /name="password"/)
  const action = /<form[^>]*action="([^"]+)"/.exec(form.stdout)?.[1] ?? '/+webvpn+/index.html'
  const jar = `${lab.folder}/jar`
  const post = (password: string): Promise<CommandResult> =>
    curl(lab, action, ...OPENCONNECT, '-b', jar, '-c', jar, '--data-urlencode', 'username=alice', '--data-urlencode', `password=${password}`)
  await curl(lab, '/', ...OPENCONNECT, '-c', jar)
  const wrong = await post('wrong')
  assert.not.match(wrong.stdout, /auth id="success"/)
  const right = await post(PASSWORD)
  assert.match(right.stdout, /<auth id="success"/)
  const cookie = /^set-cookie: webvpn=([^;]+);(.*)$/im.exec(right.stdout)
  assert.ok(cookie)
  assert.match(cookie[2] ?? '', /Secure/i)
  assert.match(cookie[2] ?? '', /HttpOnly/i)
  assert.match(cookie[2] ?? '', /SameSite/i)
})

test('update probes get the answers that say nothing is newer', async (lab) => {
  await Gateway.start(lab)
  const probes = {
    '/1/index.html': /<html/, '/1/Linux_64': /<html/, '/1/Windows': /<html/, '/1/Darwin_i386': /<html/,
    '/1/VPNManifest.xml': /<vpn rev="1\.0"/, '/+CSCOT+/translation-table?textdomain=AnyConnect&type=manifest': /<vpn rev="1\.0"/,
    '/1/binaries/update.txt': /^0,0,0000$/m, '/1/binaries/vpndownloader.sh': /^#!\/bin\/sh/m,
  }
  for (const [path, body] of Object.entries(probes)) {
    const { stdout } = await curl(lab, path, '-H', 'User-Agent: AnyConnect Linux_64 4.10.07061')
    assert.match(stdout, /^HTTP\/1\.1 200/, path)
    assert.match(stdout, body, path)
  }
})

test.run()
