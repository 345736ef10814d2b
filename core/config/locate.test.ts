import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'toml'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { locate, type Path } from './locate.ts'

const at = (text: string, path: Path, about: 'key' | 'value' = 'value'): string => {
  const { line, column } = locate(text)[about](path)
  return `${line}:${column}`
}

test('keys and values of tables', () => {
  const text = 'top = 1\n[a.b]\n  c   = 2\n'
  assert.is(at(text, ['top']), '1:7')
  assert.is(at(text, ['a', 'b'], 'key'), '2:1')
  assert.is(at(text, ['a', 'b', 'c'], 'key'), '3:3')
  assert.is(at(text, ['a', 'b', 'c']), '3:9')
})

test('what is not in the text is where its table is', () => {
  const text = '\n[a]\nb = { c = 1 }\n'
  assert.is(at(text, ['a', 'missing']), '2:1')
  assert.is(at(text, ['a', 'b', 'missing']), '3:5')
  assert.is(at(text, ['nowhere', 'at', 'all']), '1:1')
})

test('dotted, quoted and spaced keys', () => {
  const text = '[ "x.y" . \'z\' ]\na . "b c" . d = 1\n"\\u0041" = 2\n'
  assert.is(at(text, ['x.y', 'z', 'a', 'b c', 'd'], 'key'), '2:13')
  assert.is(at(text, ['x.y', 'z', 'a', 'b c', 'd']), '2:17')
  assert.is(at(text, ['x.y', 'z', 'A']), '3:12')
})

test('array tables count, and tables below belong to the last', () => {
  const text = '[[s]]\nk = 1\n[[s]]\nk = 2\n[s.o]\np = 3\n[[s.t]]\nq = 4\n[[s]]\n[s.o]\np = 5\n'
  assert.is(at(text, ['s', 0, 'k']), '2:5')
  assert.is(at(text, ['s', 1, 'k']), '4:5')
  assert.is(at(text, ['s', 1, 'o', 'p']), '6:5')
  assert.is(at(text, ['s', 1, 't', 0, 'q']), '8:5')
  assert.is(at(text, ['s', 2, 'o', 'p']), '11:5')
  assert.is(at(text, ['s', 2], 'key'), '9:1')
})

test('lists over several lines with comments, nested lists and inline tables', () => {
  const text = 'l = [ # ] \n  "a]", # "\n  [1, 2],\n  { k = "}", m = [ 5 ] } ,\n]\nafter = 1\n'
  assert.is(at(text, ['l', 0]), '2:3')
  assert.is(at(text, ['l', 1, 1]), '3:7')
  assert.is(at(text, ['l', 2, 'k']), '4:9')
  assert.is(at(text, ['l', 2, 'm', 0]), '4:20')
  assert.is(at(text, ['after']), '6:9')
})

test('strings of all four kinds hide what is inside', () => {
  const text = 'a = "\\"[x]\\\\"\nb = \'[x]\\\'\nc = """\n[x]\n\\""" y = 1 """""\nd = \'\'\'\n[x]\n\'\'\'\ne = 1\n'
  parse(text)
  assert.is(at(text, ['e']), '9:5')
  assert.is(at(text, ['x'], 'key'), '1:1')
})

test('every value of the golden files is found where its text is', () => {
  const folder = join(import.meta.dirname, 'testdata')
  let checked = 0
  for (const name of readdirSync(folder).filter((name) => !name.startsWith('refused') && name.endsWith('.toml'))) {
    const text = readFileSync(join(folder, name), 'utf8').split(/^-{4,}\n/m)[0] ?? ''
    const lines = text.split('\n')
    const locations = locate(text)
    const walk = (value: unknown, path: Path): void => {
      if (typeof value === 'object' && value !== null) return Object.entries(value).forEach(([key, inner]) => walk(inner, [...path, Array.isArray(value) ? Number(key) : key]))
      const { line, column } = locations.value(path)
      const written = (lines[line - 1] ?? '').slice(column - 1)
      assert.ok(written.startsWith(JSON.stringify(value)), `${name} ${path.join('.')} at ${line}:${column} is ${written}`)
      checked++
    }
    walk(parse(text), [])
  }
  assert.ok(checked > 40)
})

test('a text that does not parse ends all the same', () => {
  for (const text of ['[', '[[', ']', '=', 'a', 'a.', '"', '"""', "'''", 'a = [', 'a = {', 'a = {=}', 'a = "\\', '{', '\0', '['.repeat(100_000), 'a={'.repeat(10_000), 'a=[{'.repeat(10_000)]) locate(text).value(['a', 0])
})

test.run()
