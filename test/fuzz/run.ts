/**
 * Fuzzes the TypeScript parsers: every module beside this file that exports `run(bytes)` with its corpus in
 * `corpus/<name>/`. Each corpus file runs first, then mutations for the given time. A throw is a finding: the input is
 * written to `corpus/<name>/crash-<hash>` (commit it with the fix) and the run fails.
 *
 * Targets that export `short` get the time of `--short` instead.
 *
 *   node --import tsx test/fuzz/run.ts [--seconds 60] [--short 60] [--seed N] [NAME ...]
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Mutator } from './mutate.ts'

const here = import.meta.dirname
const argv = process.argv.slice(2)
const option = (name: string, fallback: number): number => {
  const at = argv.indexOf(`--${name}`)
  return at < 0 ? fallback : Number(argv.splice(at, 2)[1])
}
const seconds = option('seconds', 60)
const short = option('short', seconds)
const seed = option('seed', (Date.now() & 0x7fffffff) | 1)
const own = new Set(['run', 'mutate'])
const names = argv.length ? argv : readdirSync(here).filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3)).filter((name) => !own.has(name))

let failed = 0
for (const name of names) {
  const target = (await import(join(here, `${name}.ts`))) as { run(bytes: Uint8Array): void | Promise<void>; readonly short?: true }
  const limit = target.short ? short : seconds
  const folder = join(here, 'corpus', name)
  if (!existsSync(folder)) throw new Error(`${folder} is missing: a target needs a corpus`)
  const corpus = readdirSync(folder).sort().map((file) => new Uint8Array(readFileSync(join(folder, file))))
  const mutator = new Mutator(seed)
  const started = Date.now()
  let runs = 0
  let slowest = 0
  let finding: string | undefined
  const once = async (bytes: Uint8Array): Promise<void> => {
    const before = performance.now()
    try {
      await target.run(bytes)
    } catch (error) {
      const file = join(folder, `crash-${createHash('sha1').update(bytes).digest('hex').slice(0, 12)}`)
      writeFileSync(file, bytes)
      finding = `${file}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    }
    runs++
    slowest = Math.max(slowest, performance.now() - before)
  }
  for (const bytes of corpus) if (!finding) await once(bytes)
  while (!finding && Date.now() - started < limit * 1000) await once(mutator.mutate(corpus, 400_000))
  process.stdout.write(`${finding ? 'FAIL' : 'ok  '} fuzz ${name}  ${runs} inputs, slowest ${slowest.toFixed(1)} ms, seed ${seed}\n${finding ? `${finding}\n` : ''}`)
  if (finding) failed++
}
process.stdout.write(`fuzz: ${names.length - failed} passed, ${failed} failed\n`)
process.exit(failed ? 1 : 0)
