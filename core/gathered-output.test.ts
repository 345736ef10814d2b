import { spawnSync } from 'node:child_process'
import { setTimeout as after } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GATHERED_LIMIT, GATHERED_MS, GatheredOutput } from './gathered-output.ts'

const moment = (): Promise<void> => after(GATHERED_MS + 1)
const capture = () => {
  const written: string[] = []
  return { written, output: new GatheredOutput((text) => void written.push(text)) }
}

test('lines of one moment are one write, in their order, and of the next another', async () => {
  const { written, output } = capture()
  for (const line of ['a\n', 'b\n', 'c\n']) output.write(line)
  assert.equal(written, [])
  await moment()
  assert.equal(written, ['a\nb\nc\n'])
  output.write('d\n')
  await moment()
  assert.equal(written, ['a\nb\nc\n', 'd\n'])
})

test('a flush writes at once, and nothing twice', async () => {
  const { written, output } = capture()
  output.write('a\n')
  output.flush()
  assert.equal(written, ['a\n'])
  await moment()
  assert.equal(written, ['a\n'])
})

test('what waits is bounded', () => {
  const { written, output } = capture()
  const line = `${'x'.repeat(1023)}\n`
  for (let bytes = 0; bytes < GATHERED_LIMIT; bytes += line.length) output.write(line)
  assert.is(written.join('').length, GATHERED_LIMIT)
})

const lastWords = (how: string): string[] => {
  const source = `import { PinoLogger } from './core/pino-logger.ts'
const log = PinoLogger.stdout()
log.info('first')
log.child('x').info('second')
${how}`
  const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], { encoding: 'utf8', cwd: new URL('..', import.meta.url) })
  return stdout.trim().split('\n').map((line) => (JSON.parse(line) as { msg: string }).msg)
}

test('nothing is lost when the process exits within the moment or throws', () => {
  assert.equal(lastWords('process.exit(3)'), ['first', 'second'])
  assert.equal(lastWords('throw new Error("x")'), ['first', 'second'])
})

test('an error is written with all before it, at once', () => {
  assert.equal(lastWords('log.error("third"); process.kill(process.pid, "SIGKILL")'), ['first', 'second', 'third'])
})

test.run()
