import { spawnSync } from 'node:child_process'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TURN_OUTPUT_LIMIT, TurnOutput } from './turn-output.ts'

const capture = () => {
  const written: string[] = []
  return { written, output: new TurnOutput((text) => void written.push(text)) }
}

test('the lines of one turn are one write, in their order', async () => {
  const { written, output } = capture()
  for (const line of ['a\n', 'b\n', 'c\n']) output.write(line)
  assert.equal(written, [])
  await turn()
  assert.equal(written, ['a\nb\nc\n'])
  output.write('d\n')
  await turn()
  assert.equal(written, ['a\nb\nc\n', 'd\n'])
})

test('a flush writes at once, and nothing twice', async () => {
  const { written, output } = capture()
  output.write('a\n')
  output.flush()
  assert.equal(written, ['a\n'])
  await turn()
  assert.equal(written, ['a\n'])
})

test('what waits is bounded', () => {
  const { written, output } = capture()
  const line = `${'x'.repeat(1023)}\n`
  for (let bytes = 0; bytes < TURN_OUTPUT_LIMIT; bytes += line.length) output.write(line)
  assert.is(written.join('').length, TURN_OUTPUT_LIMIT)
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

test('nothing is lost when the process exits within the turn or throws', () => {
  assert.equal(lastWords('process.exit(3)'), ['first', 'second'])
  assert.equal(lastWords('throw new Error("x")'), ['first', 'second'])
})

test('an error is written with all before it, at once', () => {
  assert.equal(lastWords('log.error("third"); process.kill(process.pid, "SIGKILL")'), ['first', 'second', 'third'])
})

test.run()
