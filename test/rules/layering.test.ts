import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { filesBelow, importsOf, read } from './source.ts'

interface Rule {
  readonly from: RegExp
  readonly except?: RegExp
  readonly mayImport: readonly RegExp[]
  readonly because: string
}
const PACKAGE = /^(?!\.|core\/|plugins\/|native\/|test\/)/
const rules: readonly Rule[] = [
  { from: /^core\//, except: /^core\/main\.ts$/, mayImport: [/^core\//, PACKAGE], because: 'core knows no plugin and no native code; only core/main.ts puts them together' },
  { from: /^core\/main\.ts$/, mayImport: [/^core\//, /^plugins\/index\.ts$/, /^native\/index\.ts$/, PACKAGE], because: 'the composition root takes the list of plugins and the data plane, not single files' },
  { from: /^native\//, mayImport: [/^native\//, /^core\/(dataplane|errors|x509)\.ts$/, PACKAGE], because: 'the native side knows the border and nothing behind it' },
]

const sources = filesBelow(['core', 'plugins', 'native'], '.ts').filter((file) => !file.endsWith('.test.ts') && !file.startsWith('native/test/') && !file.endsWith('/testing.ts'))

const violations = (file: string): string[] => {
  const found: string[] = []
  const plugin = /^plugins\/([^/]+)\//.exec(file)?.[1]
  for (const target of importsOf(file)) {
    if (plugin !== undefined && !(target === 'core/api.ts' || target.startsWith(`plugins/${plugin}/`) || PACKAGE.test(target))) {
      found.push(`${file} imports ${target}: a plugin may import core/api.ts, its own folder and packages`)
    }
    if ((target === 'tsyringe' || target === 'reflect-metadata') && file !== 'core/di.ts') found.push(`${file} imports ${target}: only core/di.ts may`)
    for (const rule of rules) {
      if (!rule.from.test(file) || rule.except?.test(file)) continue
      if (!rule.mayImport.some((allowed) => allowed.test(target))) found.push(`${file} imports ${target}: ${rule.because}`)
    }
  }
  return found
}

test('files import only what their layer may see', () => {
  assert.ok(sources.length > 20, 'the rule must look at the real tree')
  assert.equal(sources.flatMap(violations), [])
})

test('the rule sees a violation when there is one', () => {
  assert.ok(importsOf('core/main.ts').some((target) => target.startsWith('plugins/')))
  assert.not.ok(rules[0]?.mayImport.some((allowed) => allowed.test('plugins/index.ts')))
})

test('only the addon\'s own files know that node exists', () => {
  const allowed = /^native\/src\/(addon|args|error|event_queue)[a-z_]*\.(cc|h)$/
  const found = [...filesBelow(['native/src'], '.cc'), ...filesBelow(['native/src'], '.h')].filter((file) => /#include\s+[<"](napi|node_api)/.test(read(file)) && !allowed.test(file))
  assert.equal(found, [])
})

test.run()
