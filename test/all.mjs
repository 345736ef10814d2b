#!/usr/bin/env node
/**
 * Everything that CI runs, stage by stage, each with its time. A stage prints `[name: ]N passed, N failed`; a stage that
 * ends with an error and counts no failure counts as one. The sum stands alone on the last line.
 *
 *   node test/all.mjs [STAGE ...]
 */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const SECONDS = process.env.FUZZ_SECONDS ?? '60'
const stages = {
  check: ['make', '--no-print-directory', 'check'],
  unit: ['node', 'test/run.mjs', 'core', 'plugins', 'native', 'test/cisco-script', 'test/native'],
  conformance: ['node', 'test/run.mjs', '--jobs', '1', 'test/conformance'],
  native: ['make', '--no-print-directory', '-C', 'native', 'test', 'tsan'],
  sanitize: ['native/test/sanitize.sh'],
  fuzz: ['node', 'test/fuzz/all.mjs', SECONDS],
}

function run(name, [command, ...args]) {
  return new Promise((done) => {
    const started = Date.now()
    process.stdout.write(`\n== ${name}: ${[command, ...args].join(' ')}\n`)
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let rest = ''
    let passed = 0
    let failed = 0
    const take = (chunk) => {
      rest += chunk
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const count = /^(?:[\w-]+: )?(\d+) passed, (\d+) failed$/.exec(line)
        if (count) { passed += Number(count[1]); failed += Number(count[2]) }
        process.stdout.write(count ? `   ${line}\n` : `${line}\n`)
      }
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.on('close', (code, signal) => {
      if (rest) take('\n')
      if (code !== 0 && failed === 0) { failed = 1; process.stdout.write(`   ${name} ended with ${signal ?? code}\n`) }
      if (code === 0 && passed === 0) { failed += 1; process.stdout.write(`   ${name} counted nothing\n`) }
      process.stdout.write(`== ${name}: ${((Date.now() - started) / 1000).toFixed(0)} s\n`)
      done({ passed, failed })
    })
  })
}

const wanted = process.argv.slice(2)
for (const name of wanted) if (!stages[name]) { process.stderr.write(`no stage ${name}; there are: ${Object.keys(stages).join(' ')}\n`); process.exit(2) }
let passed = 0
let failed = 0
for (const [name, command] of Object.entries(stages)) {
  if (wanted.length && !wanted.includes(name)) continue
  const result = await run(name, command)
  passed += result.passed
  failed += result.failed
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed ? 1 : 0
