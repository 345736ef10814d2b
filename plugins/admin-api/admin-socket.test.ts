import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, watch, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewayError, type CommandInput, type Commands, type Logger } from '../../core/api.ts'
import { groupId, listenOn, shareWith } from './admin-socket.ts'
import { BODY_LIMIT, CONNECTION_LIMIT, commandServer } from './command-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'postern-admin-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
let count = 0
const freshPath = (): string => join(folder, `${count++}.sock`)

const lines: string[] = []
const write = (message: string, fields: { readonly error?: unknown } = {}): void => void lines.push(`${message} ${JSON.stringify(fields)} ${fields.error instanceof Error ? fields.error.message : ''}`)
const log: Logger = { error: write, warn: write, info: write, debug: write, child: () => log }

const inputs: CommandInput[] = []
const commands: Commands = {
  has: (path) => ['status', 'user add', 'fail', 'break'].includes(path),
  run: async (path, input) => {
    inputs.push(input)
    if (path === 'fail') throw new GatewayError('USER_UNKNOWN', 'there is no user x')
    if (path === 'break') throw new TypeError('undefined is not a secret function')
    return { data: { path, args: input.args }, text: 'done' }
  },
}
const open = async (path = freshPath(), timeoutMs?: number) => ({ path, close: await listenOn(commandServer(commands, log, timeoutMs), path) })

const post = (socketPath: string, path: string, body: string | Buffer = '', method = 'POST'): Promise<{ status: number; body: unknown }> =>
  new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown }))
    })
    asked.on('error', reject)
    asked.end(body)
  })

test('a command runs with its input and gives data and text', async () => {
  const { path, close } = await open()
  assert.equal(await post(path, '/v1/commands/user/add', '{"args":{"name":"alice"},"secret":"hunter22"}'), { status: 200, body: { data: { path: 'user add', args: { name: 'alice' } }, text: 'done' } })
  assert.equal(inputs.at(-1), { args: { name: 'alice' }, options: {}, secret: 'hunter22', actor: 'cli' })
  await close()
  assert.not.match(lines.join('\n'), 'hunter22')
})

test('refusals carry their code, failures an id that the log explains', async () => {
  const { path, close } = await open()
  assert.equal(await post(path, '/v1/commands/fail'), { status: 404, body: { error: { code: 'USER_UNKNOWN', message: 'there is no user x' } } })
  assert.is((await post(path, '/v1/commands/nothing/here')).status, 404)
  assert.is((await post(path, '/elsewhere')).status, 404)
  assert.is((await post(path, '/v1/commands/status', '', 'GET')).status, 405)
  assert.is((await post(path, '/v1/commands/status', '{')).status, 400)
  const broken = await post(path, '/v1/commands/break')
  assert.is(broken.status, 500)
  const { error } = broken.body as { error: { code: string; message: string } }
  assert.is(error.code, 'INTERNAL')
  assert.not.match(error.message, 'undefined is not')
  const id = /internal error ([0-9a-f]{8})/.exec(error.message)?.[1] ?? 'none'
  assert.ok(lines.some((line) => line.includes(id) && line.includes('undefined is not')))
  await close()
})

test('a body of one byte more than a mebibyte is refused', async () => {
  const { path, close } = await open()
  const body = (length: number): string => `{"args":{"name":"${'x'.repeat(length - 20)}"}}`
  assert.is(Buffer.byteLength(body(BODY_LIMIT)), BODY_LIMIT)
  assert.is((await post(path, '/v1/commands/status', body(BODY_LIMIT))).status, 200)
  assert.is((await post(path, '/v1/commands/status', body(BODY_LIMIT + 1))).status, 413)
  await close()
})

test('the 33rd connection is closed, and a place that came free is used', async () => {
  const { path, close } = await open()
  const sockets: Socket[] = []
  for (let i = 0; i < CONNECTION_LIMIT; i++) sockets.push(await new Promise<Socket>((resolve) => { const socket = connect(path, () => resolve(socket)) }))
  await assertRefused(path)
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is((await post(path, '/v1/commands/status')).status, 200)
  await close()
})
async function assertRefused(path: string): Promise<void> {
  try {
    await post(path, '/v1/commands/status')
  } catch (error) {
    assert.match((error as Error).message, /socket hang up|ECONNRESET|EPIPE/)
    return
  }
  assert.unreachable('was answered')
}

test('a request that does not arrive is given up', async () => {
  const { path, close } = await open(undefined, 100)
  const socket = connect(path)
  socket.write('POST /v1/commands/status HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{')
  let answer = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk))
  await new Promise((resolve) => socket.on('close', resolve))
  assert.match(answer, / 408 /)
  await close()
})

test('the socket is 0600 from its first moment and 0660 for a group', async () => {
  const path = freshPath()
  const modes = new Set<number>()
  const watcher = watch(folder, () => existsSync(path) && modes.add(statSync(path).mode & 0o777))
  const umask = process.umask(0)
  const bound: number[] = []
  const server = commandServer(commands, log)
  const listen = server.listen.bind(server) as (path: string, done: () => void) => unknown
  server.listen = ((at: string, done: () => void) => {
    listen(at, done)
    bound.push(statSync(at).mode & 0o777)
    return server
  }) as typeof server.listen
  const close = await listenOn(server, path)
  assert.is(process.umask(umask), 0, 'the umask is what it was')
  assert.equal(bound, [0o600], 'at the return of bind')
  assert.is(statSync(path).mode & 0o777, 0o600)
  shareWith(path, process.getgid?.() ?? 0)
  assert.is(statSync(path).mode & 0o777, 0o660)
  watcher.close()
  assert.ok([...modes].every((mode) => mode === 0o600 || mode === 0o660))
  await close()
  assert.not.ok(existsSync(path), 'removed on stop')
})

test('a socket that a crash left is replaced, one that answers is not', async () => {
  const path = freshPath()
  const left = spawnSync(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`])
  assert.is(left.signal, 'SIGKILL')
  assert.ok(existsSync(path))
  const { close } = await open(path)
  assert.is((await post(path, '/v1/commands/status')).status, 200)
  await assertCode(open(path), 'ALREADY_RUNNING')
  assert.is((await post(path, '/v1/commands/status')).status, 200, 'the first goes on')
  await close()
})

test('what is not a socket, a path too long or a folder that is missing is one clear line', async () => {
  const path = freshPath()
  writeFileSync(path, 'precious')
  assert.match(await assertCode(open(path), 'REFUSED'), 'not a socket')
  assert.ok(existsSync(path))
  assert.match(await assertCode(open(join(folder, 'x'.repeat(100))), 'CONFIG'), '107 bytes')
  const deep = join(folder, 'deep')
  mkdirSync(deep)
  chmodSync(deep, 0o700)
  assert.match(await assertCode(open(join(deep, 'missing', 'a.sock')), 'REFUSED'), /ENOENT|EACCES/)
})
async function assertCode(work: Promise<unknown>, code: string): Promise<string> {
  try {
    await work
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error))
    assert.is(error.code, code)
    return error.message
  }
  throw new Error('was not refused')
}

test('a client that holds a request open does not hold the stop', async () => {
  const { path, close } = await open()
  const socket = connect(path)
  socket.on('error', () => undefined)
  socket.write('POST /v1/commands/status HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const gone = new Promise((resolve) => socket.on('close', resolve))
  await Promise.all([close(), gone])
})

test('a group is found by its exact name', () => {
  const file = join(folder, 'group')
  writeFileSync(file, 'root:x:0:\npostern-x:x:5:\npostern:x:123:alice\nbroken:x\n')
  assert.is(groupId('postern', file), 123)
  assert.is(groupId('root', file), 0)
  assert.is(groupId('missing', file), undefined)
  assert.is(groupId('broken', file), undefined)
})

test.run()
