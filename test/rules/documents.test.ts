import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { GatewaySchema } from '../../core/config/schema.ts'
import { ERROR_CODES } from '../../core/errors.ts'
import { policyTable } from './policy-table.ts'
import { filesBelow, read, root } from './source.ts'

const documents = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'core/policy/README.md', ...filesBelow(['plugins'], 'README.md')]

test('every path that a document names exists', () => {
  const missing: string[] = []
  for (const file of documents) {
    for (const match of read(file).matchAll(/`((?:core|plugins|native|test|scripts|board|image|rootfs-overlay)\/[A-Za-z0-9_./-]*[A-Za-z0-9_/-])`/g)) {
      const path = match[1] ?? ''
      if (!existsSync(join(root, path))) missing.push(`${file} names ${path}`)
    }
  }
  assert.equal(missing, [])
})

test('every plugin has a README with the same sections', () => {
  const sections = ['Name', 'Description', 'Configuration', 'Examples', 'Metrics', 'See also']
  const plugins = readdirSync(join(root, 'plugins')).filter((name) => statSync(join(root, 'plugins', name)).isDirectory())
  assert.ok(plugins.length >= 5)
  for (const plugin of plugins) {
    const found = [...read(`plugins/${plugin}/README.md`).matchAll(/^## (.*)$/gm)].map((match) => match[1])
    assert.equal(found.slice(0, sections.length), sections, plugin)
  }
})

test('ARCHITECTURE.md lists every error code, and no other', () => {
  const listed = [...read('ARCHITECTURE.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1] ?? '').sort()
  assert.equal(listed, Object.keys(ERROR_CODES).sort())
})

test('core/policy/README.md has the table of today\'s keys', () => {
  assert.ok(read('core/policy/README.md').includes(policyTable()), 'node --import tsx test/rules/policy-table.ts prints it')
})

test('every section of a plugin is taken over while the gateway runs, or has no keys; what needs a restart is told', () => {
  const plugins = filesBelow(['plugins'], 'index.ts').filter((file) => /^plugins\/[^/]+\/index\.ts$/.test(file)).map((file) => file.replace('/index.ts', ''))
  assert.ok(plugins.length >= 15)
  assert.equal(plugins.filter((folder) => !read(`${folder}/index.ts`).includes('context.onConfig(') && !read(`${folder}/config.ts`).includes('z.strictObject({})')), [])
  const [, told = ''] = /A restart alone brings: ([^.]*)\./.exec(read('ARCHITECTURE.md')) ?? []
  const keys = Object.entries(GatewaySchema.shape).filter(([, schema]) => schema.meta()?.['restart'] === true).map(([key]) => key)
  assert.equal([...(told.split(' of `[gateway]`')[0] ?? '').matchAll(/`([a-z-]+)`/g)].map((match) => match[1]).sort(), keys.sort())
})

test('the README opens with the two commands', () => {
  const text = read('README.md')
  const run = text.indexOf('make run')
  const check = text.indexOf('make test')
  assert.ok(run > 0 && check > run && check < 900)
})

test('every target that a document names is in the Makefile', () => {
  const targets = new Set([...read('Makefile').matchAll(/^([a-z][a-z-]*):/gm)].map((match) => match[1]))
  const missing = documents.flatMap((file) => [...read(file).matchAll(/`make ([a-z][a-z-]*)/g)].map((match) => match[1] ?? '').filter((name) => !targets.has(name)).map((name) => `${file}: make ${name}`))
  assert.equal(missing, [])
})

test.run()
