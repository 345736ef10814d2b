import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runCommandLine } from './command-line.ts'
import { stubHost } from './testing.ts'
import { Terminal } from './terminal.ts'

const folder = mkdtempSync(join(tmpdir(), 'postern-cli-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const NOBODY = join(folder, 'nobody.sock')

async function run(argv: readonly string[], { socket = NOBODY, input = '' }: { readonly socket?: string; readonly input?: string | Buffer } = {}): Promise<{ code: number; out: string; err: string }> {
  const collect = () => {
    let text = ''
    return { stream: new Writable({ write: (chunk: Buffer, _encoding, done) => ((text += chunk.toString()), done()) }), text: () => text }
  }
  const out = collect()
  const err = collect()
  const code = await runCommandLine(argv, stubHost(socket), new Terminal(Readable.from([Buffer.from(input)]), out.stream, err.stream, {}))
  return { code, out: out.text(), err: err.text() }
}
const oneLine = (text: string): void => assert.match(text, /^postern: [^\n]+\n$/)

/** A gateway that answers with one body, and what it was asked. */
async function gateway(status: number, body: unknown): Promise<{ socket: string; asked: { url: string; body: string }[]; close(): void }> {
  const socket = join(folder, `${Math.random().toString(36).slice(2)}.sock`)
  const asked: { url: string; body: string }[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => {
      asked.push({ url: request.url ?? '', body: text })
      response.writeHead(status)
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return { socket, asked, close: () => void server.close() }
}

test('without a gateway an "either" command runs on the store, with its arguments and options', async () => {
  const { code, out } = await run(['user', 'add', '-g', 'staff', 'alice', '--group', 'guests', '--password-stdin', '--json'], { input: 'correct horse\r\nmore' })
  assert.is(code, 0)
  assert.equal(JSON.parse(out), { offline: 'user add', args: { name: 'alice' }, options: { group: ['staff', 'guests'] }, actor: 'cli', secret: 'correct horse' })
  assert.match(out, /^\{\n {2}"offline"/)
})

test('global options count before and after the command', async () => {
  for (const argv of [['--json', 'user', 'list'], ['user', '--json', 'list'], ['user', 'list', '--json']]) assert.equal(await run(argv), { code: 0, out: '[]\n', err: '' })
})

test('a running gateway gets the command', async () => {
  const { socket, asked, close } = await gateway(200, { data: [{ id: 'abc', agent: 'x\x1b[2Jy', tls: { cipher: 'AES' }, rxBytes: 1_250_000 }] })
  const { code, out } = await run(['session', 'list'], { socket })
  assert.is(code, 0)
  assert.is(out, 'ID   Agent   Cipher  Received\nabc  x\ufffd[2Jy  AES      1.25 MB\n')
  assert.equal(asked, [{ url: '/v1/commands/session/list', body: '{"args":{},"options":{}}' }])
  const dropped = await run(['session', 'drop', 'abc', '--reason', 'maintenance'], { socket })
  assert.is(dropped.code, 0)
  assert.equal(JSON.parse(asked[1]!.body), { args: { id: 'abc' }, options: { reason: 'maintenance' } })
  close()
})

test('a "gateway" command without one says how to start it', async () => {
  const { code, out, err } = await run(['session', 'list'])
  assert.is(code, 1)
  assert.is(out, '')
  assert.is(err, `postern: the gateway does not run (no answer on ${NOBODY}); start it with: postern serve\n`)
})

test('a refusal is one line and exit 1, on either way', async () => {
  const { socket, close } = await gateway(404, { error: { code: 'SESSION_UNKNOWN', message: 'there is no session\nabc' } })
  const refused = await run(['session', 'drop', 'abc'], { socket })
  assert.equal([refused.code, refused.out], [1, ''])
  assert.is(refused.err, 'postern: there is no session\ufffdabc\n')
  assert.equal(await run(['user', 'remove', 'nobody']), { code: 1, out: '', err: 'postern: there is no user nobody\n' })
  close()
})

test('a refused configuration is one line for each problem', async () => {
  const { socket, close } = await gateway(400, { error: { code: 'CONFIG', message: '/x.toml:1:1: first\n/x.toml:2:1: second \x1b' } })
  assert.is((await run(['user', 'remove', 'nobody'], { socket })).err, 'postern: /x.toml:1:1: first\npostern: /x.toml:2:1: second \ufffd\n')
  close()
})

test('wrong usage found by the gateway is exit 2 as well', async () => {
  const { socket, close } = await gateway(400, { error: { code: 'USAGE', message: 'a user name has letters' } })
  assert.is((await run(['user', 'remove', 'a b'], { socket })).code, 2)
  close()
})

test('something else on the socket is one clear line', async () => {
  const { socket, close } = await gateway(200, '<html>')
  const { code, err } = await run(['session', 'list'], { socket })
  assert.is(code, 1)
  assert.is(err, 'postern: what answers on the socket is not a gateway\n')
  close()
})

test('wrong usage is exit 2 and one line with the nearest name', async () => {
  const cases: [string[], RegExp][] = [
    [['sesion', 'list'], /unknown command 'sesion' \(did you mean session\?\)/],
    [['session', 'lst'], /unknown command 'lst' \(did you mean list\?\)/],
    [['session', 'list', '--jsn'], /unknown option '--jsn' \(did you mean --json\?\)/],
    [['session', 'drop'], /missing required argument 'id'/],
    [['session', 'drop', 'a', 'b'], /too many arguments/],
    [['audit', '--limit', 'many'], /not a number/],
    [['completion', 'tcsh'], /bash, zsh, fish/],
    [['--config'], /argument missing/],
  ]
  for (const [argv, text] of cases) {
    const { code, out, err } = await run(argv)
    assert.is(code, 2, argv.join(' '))
    assert.is(out, '')
    oneLine(err)
    assert.match(err, text)
  }
})

test('a word that needs another one shows the help, as wrong usage', async () => {
  for (const argv of [[], ['user']]) {
    const { code, out, err } = await run(argv)
    assert.equal([code, out], [2, ''], argv.join(' '))
    assert.match(err, /Usage: postern/)
  }
})

test('help and version are asked for, so they are exit 0 on standard output', async () => {
  assert.equal(await run(['--version']), { code: 0, out: '1.2.3\n', err: '' })
  const { code, out } = await run(['--help'])
  assert.is(code, 0)
  for (const word of ['serve', 'check', 'completion', 'user', 'add, list, remove', '/etc/postern/postern.toml']) assert.ok(out.includes(word), word)
  const user = await run(['help', 'user'])
  assert.is(user.code, 0)
  assert.match(user.out, /Add a user/)
  assert.match((await run(['user', 'add', '--help'])).out, /-g, --group <GROUP>[^]*--password-stdin/)
})

test('every line of the help fits 80 columns', async () => {
  for (const argv of [['--help'], ['user', 'add', '--help']]) for (const line of (await run(argv)).out.split('\n')) assert.ok(line.length <= 80, line)
})

test('without a terminal nothing is asked', async () => {
  const password = await run(['user', 'add', 'alice'], { input: 'correct horse\n' })
  assert.equal(password, { code: 2, out: '', err: 'postern: no terminal to ask for the password: give it on standard input with --password-stdin\n' })
  assert.is((await run(['user', 'remove', 'alice'])).code, 0)
})

test('the secret is one line of at most 1024 bytes of UTF-8', async () => {
  const secret = async (input: string | Buffer) => run(['user', 'add', 'alice', '--password-stdin'], { input })
  assert.is((await secret(`${'x'.repeat(1024)}\n`)).code, 0)
  assert.is((await secret('no newline')).code, 0)
  for (const [input, text] of [[`${'x'.repeat(1025)}\n`, '1024 bytes'], ['', 'nothing came'], ['\n', 'nothing came'], [Buffer.from([0xff, 0x0a]), 'not UTF-8'], ['y'.repeat(1 << 20), '1024 bytes']] as const) {
    const { code, err } = await secret(input)
    assert.is(code, 2)
    oneLine(err)
    assert.match(err, text)
  }
})

test('a longer input is not read to its end', async () => {
  const endless = new PassThrough()
  const feed = setInterval(() => endless.write('x'.repeat(600)), 1)
  const code = await runCommandLine(['user', 'add', 'alice', '--password-stdin'], stubHost(NOBODY), new Terminal(endless, new PassThrough(), new PassThrough(), {}))
  clearInterval(feed)
  assert.is(code, 2)
})

test('check tells what it found', async () => {
  assert.equal(await run(['check']), { code: 0, out: 'good: configuration and environment will do\n', err: '' })
  const broken = await run(['check', '--config', 'broken.toml'])
  assert.equal(broken, { code: 1, out: 'error: broken.toml:3:1: unknown key "moed" (did you mean "mode"?)\n', err: '' })
  assert.is((JSON.parse((await run(['check', '--config', 'broken.toml', '--json'])).out) as { ok: boolean }).ok, false)
  assert.equal(await run(['check', '--config', 'missing.toml']), { code: 1, out: '', err: 'postern: missing.toml: no such file\n' })
})

test('serve ends with the code of the gateway', async () => {
  assert.is((await run(['serve'])).code, 0)
  assert.is((await run(['serve', '--config', 'broken.toml'])).code, 1)
})

test('an empty list says so', async () => {
  assert.equal(await run(['user', 'list']), { code: 0, out: 'no users\n', err: '' })
})

test.run()
