#!/usr/bin/env node
/**
 * The fuzz targets of both languages side by side, each for the given seconds; those of C++ but CSTP, and those of
 * TypeScript that say so, for the second figure: `node test/fuzz/all.mjs 60 25`.
 */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const seconds = process.argv[2] ?? '60'
const short = process.argv[3] ?? seconds
const run = (command, args) => new Promise((done) => {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' })
  child.on('close', (code) => done(code ?? 1))
})
const codes = await Promise.all([
  run('make', ['--no-print-directory', '-j2', '-C', 'native', 'fuzz', `SECONDS=${seconds}`, `SHORT=${short}`, 'JOBS=2']),
  run(process.execPath, ['--import', 'tsx', 'test/fuzz/run.ts', '--seconds', seconds, '--short', short]),
])
process.exitCode = codes.some((code) => code !== 0) ? 1 : 0
