import { filesBelow, read } from './source.ts'

export interface Row {
  readonly id: string
  readonly must: string
}

/** The rows of test/requirements.md, the reflector's R01-R43 included. */
export function requirementRows(): Row[] {
  const rows = [...read('test/requirements.md').matchAll(/^\| ([A-Z]\d\d) \| (.*) \|$/gm)].map((match) => ({ id: match[1] ?? '', must: match[2] ?? '' }))
  const reflector = Array.from({ length: 43 }, (_, index) => ({ id: `R${String(index + 1).padStart(2, '0')}`, must: 'reflector, section 9' }))
  return [...rows, ...reflector]
}

/** id -> names of the tests that start with it. */
export function testsByRow(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const file of filesBelow(['core', 'plugins', 'native', 'test'], '.ts').filter((name) => name.endsWith('.test.ts') || name.includes('contract'))) {
    for (const match of read(file).matchAll(/(?:\btest|\bsuite|\bcheck|\bit)(?:\.only|\.skip)?\(\s*(['"`])((?:[A-Z]\d\d[ ,]*)+)(.*?)\1/g)) {
      for (const id of match[2]?.match(/[A-Z]\d\d/g) ?? []) found.set(id, [...(found.get(id) ?? []), `${file}: ${match[3] ?? ''}`])
    }
  }
  return found
}

if (process.argv[1] === import.meta.filename) {
  const named = testsByRow()
  const without = requirementRows().filter((row) => !named.has(row.id))
  for (const row of without) process.stdout.write(`  ${row.id}  ${row.must.slice(0, 100)}\n`)
  process.stdout.write(`${without.length} of ${requirementRows().length} rows of test/requirements.md have no test yet\n`)
}
