#!/usr/bin/env node
/**
 * The fuzz targets of both languages side by side, those of TypeScript two at a time, each for the given seconds; those of C++ but CSTP, and those of
 * TypeScript that say so, for the second figure: `node test/fuzz/all.mjs 60 25`.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const seconds = process.argv[2] ?? '60'
const short = process.argv[3] ?? seconds
const run = (command, args) => new Promise((done) => {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' })
  child.on('close', (code) => done(code ?? 1))
})
const infrastructure = ['mutate.ts', 'run.ts']
const targets = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !infrastructure.includes(file)).map((file) => file.slice(0, -3))
const queue = async () => {
  let code = 0
  for (let target = targets.shift(); target; target = targets.shift()) {
    const ended = await run(process.execPath, ['--import', 'tsx', 'test/fuzz/run.ts', '--seconds', seconds, '--short', short, target])
    code ||= ended
  }
  return code
}
const codes = await Promise.all([
  run('make', ['--no-print-directory', '-j2', '-C', 'native', 'fuzz', `SECONDS=${seconds}`, `SHORT=${short}`, 'JOBS=2']),
  queue(), queue(),
])
process.exitCode = codes.some((code) => code !== 0) ? 1 : 0
