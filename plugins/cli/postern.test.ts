// test: limit=300
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDirectory } from '../../core/testing.ts'

const ROOT = join(import.meta.dirname, '../..')
const MAIN = ['--import', 'tsx', join(ROOT, 'core/main.ts')]
const SECRET = 'correct horse'

/** A data directory with a configuration, and `postern` on both in a process of its own. */
function place(config = '[group.staff]\nlabel = "Staff"\n') {
  const directory = testDirectory()
  const file = join(directory, 'postern.toml')
  writeFileSync(file, config)
  const location = ['--config', file, '--data-dir', join(directory, 'data')]
  return {
    directory: join(directory, 'data'),
    file,
    location,
    postern(argv: readonly string[], input = '') {
      const done = spawnSync(process.execPath, [...MAIN, ...location, ...argv], { cwd: ROOT, input, encoding: 'utf8' })
      return { code: done.status, out: done.stdout, err: done.stderr, json: () => JSON.parse(done.stdout) as Record<string, unknown> }
    },
  }
}

test('users are kept without a gateway', () => {
  const { postern, directory } = place()
  assert.equal(postern(['user', 'add', 'alice', '--group', 'staff', '--password-stdin'], `${SECRET}\n`).out, 'user alice added\n')
  const listed = postern(['user', 'list', '--json'])
  assert.is(listed.code, 0)
  const [user] = JSON.parse(listed.out) as Record<string, unknown>[]
  assert.equal({ ...user, createdAt: undefined }, { name: 'alice', groups: ['staff'], locked: false, expiresAt: null, createdAt: undefined })
  assert.match(String(user?.['createdAt']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.is(postern(['user', 'lock', 'alice']).code, 0)
  assert.is(postern(['user', 'show', 'alice', '--json']).json()['locked'], true)
  assert.is(statSync(join(directory, 'postern.db')).mode & 0o077, 0, 'hashes are nobody else\'s')
})

test('refusals are exit 1 and wrong usage is exit 2, one line each', () => {
  const { postern } = place()
  const cases: [string[], number, RegExp][] = [
    [['user', 'add', 'alice', '--group', 'stuff', '--password-stdin'], 1, /no group stuff \(did you mean staff\?\)/],
    [['session', 'list'], 1, /does not run .*postern serve/],
    [['user', 'add', 'alice'], 2, /--password-stdin/],
    [['user', 'add', 'a b', '--password-stdin'], 2, /letters/],
  ]
  for (const [argv, code, text] of cases) {
    const done = postern(argv, `${SECRET}\n`)
    assert.is(done.code, code, `${argv.join(' ')}: ${done.err}`)
    assert.is(done.out, '')
    assert.match(done.err, /^postern: [^\n]+\n$/)
    assert.match(done.err, text)
  }
})

test('a mistake in the configuration is named with its place', () => {
  const { postern, file } = place('[gateway]\nnaem = "vpn.example.com"\n')
  const checked = postern(['check'])
  assert.is(checked.code, 1)
  assert.match(checked.out.split('\n')[0]!, /^error: .*unknown key "naem".*"name"/)
  assert.ok(checked.out.includes(`${file}:2:`))
  for (const argv of [['serve'], ['user', 'list']]) {
    const { code, out, err } = postern(argv)
    assert.is(code, 1, argv.join(' '))
    assert.is(out, '')
    assert.match(err, /^postern: [^\n]+\n$/)
    assert.ok(err.includes(`${file}:2:`), err)
  }
})

/** The gateway in a network namespace of its own, so that its firewall and its device are nobody else's. */
async function serve(location: readonly string[]) {
  const child = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh', process.execPath, ...MAIN, ...location, 'serve'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const lines: string[] = []
  await new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      if (line.includes('"gateway ready"')) resolve()
    })
    void ended.then(() => resolve())
  })
  return { lines, stop: () => (child.kill('SIGTERM'), ended) }
}

const reason = process.getuid?.() !== 0 ? 'needs root for a network namespace' : !existsSync('/dev/net/tun') ? 'needs /dev/net/tun' : undefined
if (reason !== undefined) process.stdout.write(`SKIP ${reason}\n`)

test('commands go to the running gateway, and its secrets not into its log', async () => {
  if (reason !== undefined) return
  const { postern, directory, location } = place(`[gateway]\nlisten = ["127.0.0.1:0"]\ndevice = "pt%d"\n[group.staff]\nlabel = "Staff"\n`)
  const gateway = await serve(location)
  try {
    const socket = statSync(join(directory, 'admin.sock'))
    assert.ok(socket.isSocket())
    assert.is(socket.mode & 0o007, 0)
    assert.is(postern(['user', 'add', 'bob', '--password-stdin'], `${SECRET}\n`).out, 'user bob added\n')
    assert.match(postern(['user', 'list']).out, /^Name +Groups .*\nbob/)
    assert.equal(JSON.parse(postern(['session', 'list', '--json']).out), [])
    assert.is(postern(['session', 'list']).out, 'no sessions\n')
    const status = postern(['status', '--json']).json()
    assert.equal(status['sessions'], { total: 0, dtls: 0, tls: 0, waiting: 0 })
    assert.ok((status['plugins'] as { name: string; state: string }[]).some(({ name, state }) => name === 'cli' && state === 'on'))
    assert.match(postern(['status']).out, /^postern +\S+, up \d+s\nlistening +127\.0\.0\.1:\d+, TLS(?: only| and DTLS)\n/)
    const dropped = postern(['session', 'drop', 'nothing'])
    assert.is(dropped.code, 1)
    assert.match(dropped.err, /^postern: [^\n]+\n$/)
    assert.match(postern(['audit', '--json']).out, '"user.add"')
    const second = postern(['serve'])
    assert.is(second.code, 1, 'one gateway on a data directory')
  } finally {
    assert.is(await gateway.stop(), 0)
  }
  assert.not.ok(existsSync(join(directory, 'admin.sock')), 'the socket goes with the gateway')
  assert.not.match(gateway.lines.join('\n'), SECRET)
  assert.is(postern(['user', 'show', 'bob', '--json']).json()['name'], 'bob')
})

test.run()
