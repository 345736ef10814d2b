import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readXml } from './xml-reader.ts'
import { escapeXml } from '../../core/api.ts'
import { xml, xmlDocument } from './xml-writer.ts'

test('whatever a user is called comes back as it was, and never as markup', () => {
  const hostile = `</message><script>alert("x")</script>&amp; 'a' %s\n\t\u00e9\u{1f600}`
  const document = xmlDocument(xml('message', { label: hostile }, hostile))
  const root = readXml(new TextEncoder().encode(document))
  assert.is(root.text, hostile)
  assert.is(root.attributes.get('label'), hostile)
  assert.is(root.children.length, 0)
})
test('characters that XML cannot carry are left out', () => {
  assert.is(escapeXml('a\0\u0008\ud800b\uffff'), 'ab')
})
test('undefined attributes are left out, empty elements keep their end tag', () => {
  assert.is(xml('input', { type: 'text', value: undefined }).markup, '<input type="text"></input>')
})

test.run()
