import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { connectText, INIT, login, portFixture, replyTo } from './testing.ts'

const CURL = { 'User-Agent': 'curl/7.88.1', Accept: '*/*' }

test('G24 who goes through host scan unasked comes to its end: token, wish list, report, wait', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  const token = await client.request('GET', '/+CSCOE+/sdesktop/token.xml?ticket=AB12&stub=0', CURL)
  assert.is(token?.status, 200)
  const [, value] = /^<token>([0-9A-Za-z]+)<\/token>$/m.exec(token?.body ?? '') ?? []
  assert.ok(value)
  const wanted = await client.request('GET', '/CACHE/sdesktop/data.xml', CURL)
  assert.match(wanted?.body ?? '', /<data>\s*<hostscan>\s*<\/hostscan>\s*<\/data>/)
  const report = 'endpoint.os.version="Linux";\nendpoint.device.MAC["FFFF.FFFF.FFFF"]="true";\n'.repeat(100)
  const sent = await client.request('POST', '/+CSCOE+/sdesktop/scan.xml?reusebrowser=1', { ...CURL, Cookie: `sdesktop=${value ?? ''}`, 'Content-Type': 'text/xml' }, report)
  assert.is(sent?.status, 200)
  assert.match(sent?.body ?? '', /<status>TOKEN_SUCCESS<\/status>/)
  const wait = await client.request('GET', '/+CSCOE+/sdesktop/wait.html', CURL)
  assert.is(wait?.status, 200)
  assert.not.match(wait?.body ?? '', /refresh/i)
  assert.equal([fixture.dialogues.size, fixture.counters.unparsable], [0, 0], 'a report is no login')
  fixture.stop()
})

test('G24 the programs of host scan are not there', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  for (const path of ['/CACHE/sdesktop/hostscan/linux_x64/manifest', '/CACHE/sdesktop/install/binaries/sfinst', '/+CSCOE+/sdesktop/', '/+CSCOE+/sdesktop/other.xml']) {
    assert.is((await client.request('GET', path, CURL))?.status, 404, path)
  }
  fixture.stop()
})

test('G24 a login offers no host scan, and takes the cookie, the token and elements it does not know as they come', async () => {
  const fixture = portFixture()
  const client = fixture.connect()
  client.cookies.set('sdesktop', '0123456789ABCDEF01234567')
  const more = '<host-scan-token>0123456789ABCDEF01234567</host-scan-token><phone-id who="x" new="y">unknown</phone-id><posture><a b="c"/></posture>'
  const form = await client.post('/', INIT.replace('</config-auth>', `${more}</config-auth>`).replace('<config-auth ', '<config-auth posture="9" '))
  assert.not.match(form.body, /host-scan|csd/i)
  const done = await client.post('/', replyTo(form.body, { username: 'test', password: 'test123', new_field: 'x' }, more))
  const cookie = /<session-token>([^<]+)</.exec(done.body)?.[1] ?? ''
  assert.is((await fixture.connect().raw(connectText(cookie, { 'X-CSTP-New': '1', 'X-AnyConnect-New': 'x' })))?.status, 200)
  assert.ok(await login(fixture.connect()))
  fixture.stop()
})

test.run()
