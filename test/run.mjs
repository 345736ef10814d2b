#!/usr/bin/env node
/**
 * Runs uvu test files, each in a process of its own with a time limit. A file passes only if it ended by itself with
 * exit 0, counted at least one test, passed all it counted and skipped none silently (uvu alone exits 0 on several of
 * those). Prints `N passed, N failed` alone on its last line.
 *
 * With `--again N`, up to N files that failed beside others run once more at the end with none of the others beside them, as whoever looks
 * into the failure would do first. Both outputs are printed and the file is named as disturbed; failing twice is failing, and
 * more than N failures are no disturbance.
 *
 *   node test/run.mjs [--jobs N] [--limit SECONDS] [--again N] [FILE|FOLDER ...]
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const argv = process.argv.slice(2)
const option = (name, fallback) => {
  const at = argv.indexOf(`--${name}`)
  return at < 0 ? fallback : Number(argv.splice(at, 2)[1])
}
const jobs = option('jobs', availableParallelism())
const limitSec = option('limit', 120)
const again = option('again', 0)

const walk = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => !['node_modules', 'build', 'dist', 'run'].includes(name) && !name.startsWith('.'))
        .flatMap((name) => walk(join(path, name)))
    : [path]
const files = (argv.length ? argv : ['core', 'plugins', 'native', 'test'])
  .flatMap((path) => walk(resolve(root, path)))
  .filter((path) => path.endsWith('.test.ts'))
  .sort()

// A file may ask for more time or for the machine to itself: `// test: limit=300 alone`.
const wishes = (file) => {
  const line = /^\/\/ test:(.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
  return { limit: Number(/limit=(\d+)/.exec(line)?.[1] ?? limitSec), alone: /\balone\b/.test(line) }
}

function run(file, { limit }) {
  return new Promise((done) => {
    const started = Date.now()
    // A process group of its own, so that a hung test takes its children along.
    const child = spawn(process.execPath, ['--import', 'tsx', file], {
      cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    let late = false
    const timer = setTimeout(() => {
      late = true
      try { process.kill(-child.pid, 'SIGKILL') } catch (error) { if (error.code !== 'ESRCH') throw error }
    }, limit * 1000)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const number = (label) => Number(new RegExp(`^\\s*${label}:\\s+(\\d+)`, 'm').exec(output)?.[1] ?? 0)
      const total = number('Total')
      const passed = number('Passed')
      const skipped = number('Skipped')
      const missing = [...output.matchAll(/^SKIP (.*)$/gm)].map((match) => match[1])
      const problem = late ? `still running after ${limit} s`
        : code !== 0 ? `ended with ${signal ?? code}`
        : total === 0 ? 'counted no test'
        : passed + skipped !== total || /\.only\b/.test(readFileSync(file, 'utf8').replace(/\/\/.*$/gm, '')) ? `${passed} of ${total} passed, or .only is left in`
        : missing.length && process.env.CI ? `a peer is missing: ${missing.join('; ')}`
        : undefined
      done({ file, total, passed, skipped, problem, output, missing, ms: Date.now() - started })
    })
  })
}

const queue = files.map((file) => ({ file, ...wishes(file) }))
const together = queue.filter((entry) => !entry.alone)
const alone = queue.filter((entry) => entry.alone)
let passed = 0
let failed = 0
const broken = []
const report = (result) => {
  const name = relative(root, result.file)
  if (result.problem) {
    broken.push(result)
    process.stdout.write(`\n${result.output.trimEnd()}\nFAIL ${name}: ${result.problem}\n\n`)
  } else {
    passed += result.passed
    const notes = result.missing.length ? `  (skipped: ${result.missing.join('; ')})` : ''
    process.stdout.write(`ok   ${name}  ${result.passed} in ${(result.ms / 1000).toFixed(1)} s${notes}\n`)
  }
}
const worker = async (entries) => {
  for (let next = entries.shift(); next; next = entries.shift()) report(await run(next.file, next))
}
await Promise.all(Array.from({ length: jobs }, () => worker(together)))
await worker(alone)
const disturbed = broken.length <= again ? broken.splice(0) : []
for (const { file } of disturbed) await worker([{ file, ...wishes(file) }])
for (const result of broken) {
  passed += result.passed
  failed += Math.max(1, result.total - result.passed - result.skipped)
}
for (const { file, problem } of disturbed) {
  if (!broken.some((result) => result.file === file)) process.stdout.write(`disturbed: ${relative(root, file)}: ${problem}; passed alone\n`)
}
if (files.length === 0) { process.stdout.write('no test file found\n'); failed++ }
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed ? 1 : 0
