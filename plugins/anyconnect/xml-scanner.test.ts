import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SaxesParser } from 'saxes'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerError } from '../../core/api.ts'
import { scanXml } from './xml-scanner.ts'

/** The events as one line; undefined: refused. */
function scanned(text: string): string | undefined {
  const lines: string[] = []
  let run = ''
  const flush = (): void => {
    if (run !== '') lines.push(JSON.stringify(run))
    run = ''
  }
  try {
    scanXml(text, {
      open: (name) => (flush(), void lines.push(`<${name}`)),
      attribute: (name, value) => void lines.push(`@${name}=${JSON.stringify(value)}`),
      close: () => (flush(), void lines.push('>')),
      text: (value) => void (run += value),
    })
    return lines.join(' ')
  } catch (error) {
    if (error instanceof PeerError) return undefined
    throw error
  }
}

/** What a strict parser of others makes of the same text, with our rules on top. */
function expected(text: string): string | undefined {
  const lines: string[] = []
  let run = ''
  const flush = (): void => {
    if (run !== '') lines.push(JSON.stringify(run))
    run = ''
  }
  let depth = 0
  const refuse = (): never => {
    throw new RangeError('refused')
  }
  const parser = new SaxesParser({ xmlns: false, position: false })
  parser.on('error', refuse)
  parser.on('xmldecl', ({ encoding }) => void (encoding !== undefined && !/^utf-?8$/i.test(encoding) && refuse()))
  parser.on('doctype', (doctype) => void (doctype.includes('[') && refuse()))
  parser.on('opentag', ({ name, attributes }) => {
    flush()
    depth++
    lines.push(`<${name}`, ...Object.entries(attributes).map(([key, value]) => `@${key}=${JSON.stringify(value)}`))
  })
  parser.on('closetag', () => (flush(), depth--, void lines.push('>')))
  const text_ = (value: string): void => void (depth > 0 && (run += value))
  parser.on('text', text_)
  parser.on('cdata', text_)
  try {
    parser.write(text).close()
    return lines.join(' ')
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

const WORDS = [
  '<a>', '</a>', '<b c="d">', '</b>', "<e f='g'/>", '<a', '>', '/>', ' c="1"', " d = '&lt;'", '="', '"', 'text', '&amp;', '&#65;', '&#x1F600;', '&#0;', '&x;', '&', ';', '\r\n', '\t', '\r',
  ' ', '<!-- x -->', '<!--', '-->', '--', '<![CDATA[<x>&]]>', '<![CDATA[', ']]>', '<?pi x?>', '<?', '?>', '<?xml version="1.0"?>', '<!', '\u00e9', '\ud83d\ude00', '-', '1', ':n', '\u0001', '\ufffe',
]

test('what it accepts and what it makes of it is what a strict parser of others says, for any mixture of markup', () => {
  let seed = 7
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    return (seed >> 8) % below
  }
  let accepted = 0
  for (let round = 0; round < 30_000; round++) {
    const words = Array.from({ length: next(9) }, () => WORDS[next(WORDS.length)] ?? '').join('')
    const text = round % 2 === 0 ? words : `<r>${words}</r>`
    const ours = scanned(text)
    if (ours !== undefined) accepted++
    assert.is(ours, expected(text), JSON.stringify(text))
  }
  assert.ok(accepted > 1000, `${accepted} accepted`)
})

test('the corpus of real documents reads alike', () => {
  const folder = join(import.meta.dirname, '../../test/fuzz/corpus/xml')
  let accepted = 0
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'utf8')
    if (text.includes('<!DOCTYPE')) continue
    const ours = scanned(text)
    if (ours !== undefined) accepted++
    assert.is(ours, expected(text), name)
  }
  assert.ok(accepted > 0)
})

test('a document type without internal subset is passed over, once and before the root', () => {
  assert.is(scanned('<!DOCTYPE a SYSTEM "x.dtd"><a/>'), '<a >')
  assert.is(scanned('<!DOCTYPE a PUBLIC "p" \'x.dtd\' ><a/>'), '<a >')
  for (const text of ['<!DOCTYPE a [<!ENTITY b "c">]><a/>', '<!DOCTYPE a><!DOCTYPE a><a/>', '<a/><!DOCTYPE a>', '<a><!DOCTYPE a></a>', '<!DOCTYPE>', '<!DOCTYPE a SYSTEM "x" [']) assert.is(scanned(text), undefined, text)
})

test('references name the five entities and characters that XML can carry', () => {
  assert.is(scanned('<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x42;</a>'), '<a "&<>\\"\'AB" >')
  for (const body of ['&x;', '&constructor;', '&amp', '&#;', '&#x;', '&#xD800;', '&#0;', '&#xFFFE;', '&#x110000;', '&#99999999999;', `&${'a'.repeat(100_000)};`]) assert.is(scanned(`<a>${body}</a>`), undefined, body.slice(0, 20))
})

test.run()
