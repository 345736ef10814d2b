// test: limit=240
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Terminal } from './terminal.ts'
import { withProgress } from './progress.ts'

const MAIN = ['--import', 'tsx', join(import.meta.dirname, 'testing.ts'), '/nonexistent/admin.sock']
const command = (argv: readonly string[]): string => [process.execPath, ...MAIN, ...argv].map((word) => `'${word}'`).join(' ')

/** Runs on a pseudo-terminal of util-linux's script(1); types each answer once its question stands there. */
function onTerminal(argv: readonly string[], dialogue: readonly (readonly [string, string])[], env: Record<string, string> = {}): Promise<{ code: number | null; screen: string }> {
  const child = spawn('script', ['-qec', command(argv), '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm', NO_COLOR: '', ...env } })
  const waiting = [...dialogue]
  let screen = ''
  let seen = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text
    for (let next = waiting[0]; next; next = waiting[0]) {
      const at = screen.indexOf(next[0], seen)
      if (at < 0) return
      seen = at + next[0].length
      waiting.shift()
      child.stdin.write(next[1])
    }
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, screen })))
}

const proven = (name: string, body: () => Promise<void>): void => {
  if (existsSync('/usr/bin/script')) test(name, body)
  else process.stdout.write('SKIP not installed: script (util-linux)\n')
}

proven('a password is asked for twice, without echo, until both are the same', async () => {
  const { code, screen } = await onTerminal(['user', 'add', 'alice', '--json'], [
    ['Password: ', 'first secret\r'], ['Password again: ', 'other secret\r'],
    ['Password: ', 'wrong\x15corrrect\x7f\x7f\x7f\x7f\x7frect hörse\r'], ['Password again: ', 'correct hörse\r'],
  ])
  assert.is(code, 0)
  assert.match(screen, 'they differ, once more')
  assert.not.match(screen, /first secret|other secret/)
  assert.is(screen.split('correct hörse').length - 1, 1, 'only the echo of the command itself')
  assert.match(screen, '"secret": "correct hörse"')
})

proven('Ctrl-C at the question is exit 1 and leaves the terminal as it was', async () => {
  const { code, screen } = await onTerminal(['user', 'add', 'alice'], [['Password: ', 'half\x03']])
  assert.is(code, 1)
  assert.match(screen, 'postern: aborted')
})

proven('removing asks, and only yes is yes', async () => {
  const no = await onTerminal(['user', 'remove', 'alice'], [['Remove the user? [y/N] ', '\r']])
  assert.is(no.code, 1)
  assert.match(no.screen, 'nothing was done')
  for (const key of ['\x03', '\x04']) {
    const aborted = await onTerminal(['user', 'remove', 'alice'], [['Remove the user? [y/N] ', key]])
    assert.is(aborted.code, 1)
    assert.match(aborted.screen, 'postern: aborted')
  }
  const yes = await onTerminal(['user', 'remove', 'alice'], [['Remove the user? [y/N] ', 'y\r']])
  assert.is(yes.code, 0)
  assert.match(yes.screen, 'offline user remove alice')
  assert.is((await onTerminal(['user', 'remove', 'alice', '--yes'], [])).code, 0)
})

proven('color and progress are for a terminal, and NO_COLOR and --no-color switch color off', async () => {
  const slow = await onTerminal(['slow'], [])
  assert.match(slow.screen, /\x1b\[1m/)
  assert.match(slow.screen, 'working, 2 s')
  assert.not.match((await onTerminal(['audit'], [], { NO_COLOR: '1' })).screen, '\x1b[1m')
  assert.not.match((await onTerminal(['audit', '--no-color'], [])).screen, '\x1b[1m')
})

test('a reader that has gone is no failure', () => {
  const done = spawnSync('bash', ['-c', `set -o pipefail; ${command(['help'])} | true; echo "\${PIPESTATUS[0]}"; ${command(['audit', '--json'])} 2>&1 >/dev/null | wc -c`], { encoding: 'utf8' })
  assert.equal(done.stdout.trim().split(/\s+/), ['0', '0'])
  assert.is(done.stderr, '')
})

test('EPIPE is quiet, another failure of the output is not', () => {
  const closed = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('gone'), { code: 'EPIPE' })) })
  const terminal = new Terminal(new PassThrough(), closed, new PassThrough(), {})
  terminal.print('x')
  assert.throws(() => new PassThrough().emit('error', new Error('disk')))
  assert.throws(() => closed.emit('error', Object.assign(new Error('full'), { code: 'ENOSPC' })), 'full')
})

test('progress goes nowhere without a terminal', async () => {
  let said = ''
  const errors = new Writable({ write: (chunk: Buffer, _encoding, done) => ((said += chunk.toString()), done()) })
  const work = new Promise((resolve) => setTimeout(resolve, 30, 'done'))
  assert.is(await withProgress(new Terminal(new PassThrough(), new PassThrough(), errors, {}), work, 5), 'done')
  assert.is(said, '')
  const shown = Object.assign(new Writable({ write: (chunk: Buffer, _encoding, done) => ((said += chunk.toString()), done()) }), { isTTY: true })
  await withProgress(new Terminal(new PassThrough(), new PassThrough(), shown, {}), new Promise((resolve) => setTimeout(resolve, 30)), 5)
  assert.match(said, /working/)
  assert.ok(said.endsWith('\r\x1b[K'))
})

test.run()
