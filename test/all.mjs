#!/usr/bin/env node
/**
 * Everything that CI runs, in stages. Two lanes go side by side: in one, what waits for peers and prints as it goes; in
 * the other, what compiles and computes, printed stage by stage; the first that is through takes what is last. A stage
 * prints `[name: ]N passed, N failed`; one that ends with an error and counts no failure counts as one. The sum stands
 * alone on the last line.
 *
 *   node test/all.mjs [STAGE ...]        FUZZ_SECONDS=60
 */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const SECONDS = process.env.FUZZ_SECONDS ?? '60'
const lanes = [
  {
    check: ['make', '--no-print-directory', 'check'],
    unit: ['node', 'test/run.mjs', '--jobs', '2', 'core', 'plugins', 'native', 'test/cisco-script', 'test/native'],
    conformance: ['node', 'test/run.mjs', '--jobs', '2', '--again', '2', 'test/lab', 'test/bench', 'test/conformance'],
  },
  {
    native: ['make', '--no-print-directory', '-C', 'native', 'test'],
    // These two of the same objects.
    sanitize: ['native/test/sanitize.sh'],
    fuzz: ['node', 'test/fuzz/all.mjs', SECONDS, String(Math.ceil(Number(SECONDS) / 20))],
  },
]
const last = {
  tsan: ['make', '--no-print-directory', '-C', 'native', 'tsan'],
}

function run(name, [command, ...args], live) {
  return new Promise((done) => {
    const started = Date.now()
    let held = ''
    const print = (text) => { if (live) process.stdout.write(text); else held += text }
    process.stdout.write(`== ${name}: ${[command, ...args].join(' ')}${live ? '' : '   (printed when done)'}\n`)
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let rest = ''
    let passed = 0
    let failed = 0
    const take = (chunk) => {
      rest += chunk
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const count = /^(?:[\w -]+: )?(\d+) passed, (\d+) failed$/.exec(line)
        if (count) { passed += Number(count[1]); failed += Number(count[2]) }
        print(count ? `   ${line}\n` : `${line}\n`)
      }
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.on('close', (code, signal) => {
      if (rest) take('\n')
      if (code !== 0 && failed === 0) { failed = 1; print(`   ${name} ended with ${signal ?? code}\n`) }
      if (code === 0 && passed === 0) { failed += 1; print(`   ${name} counted nothing\n`) }
      process.stdout.write(`${held}== ${name}: ${((Date.now() - started) / 1000).toFixed(0)} s, ${passed} passed, ${failed} failed.\n`)
      done({ passed, failed })
    })
  })
}

const wanted = process.argv.slice(2)
const names = [...lanes, last].flatMap((lane) => Object.keys(lane))
for (const name of wanted) if (!names.includes(name)) { process.stderr.write(`no stage ${name}; there are: ${names.join(' ')}\n`); process.exit(2) }
const sum = { passed: 0, failed: 0 }
const left = Object.entries(last)
await Promise.all(lanes.map(async (lane, index) => {
  const own = Object.entries(lane)
  for (let stage = own.shift() ?? left.shift(); stage; stage = own.shift() ?? left.shift()) {
    const [name, command] = stage
    if (wanted.length && !wanted.includes(name)) continue
    const result = await run(name, command, index === 0 || wanted.length === 1)
    sum.passed += result.passed
    sum.failed += result.failed
  }
}))
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`)
process.exitCode = sum.failed ? 1 : 0
