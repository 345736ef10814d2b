import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerError } from '../../core/api.ts'
import { child, childText, readXml, XML_LIMITS } from './xml-reader.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const refused = (input: string | Uint8Array, pattern: RegExp): void => {
  try {
    readXml(typeof input === 'string' ? bytes(input) : input)
  } catch (error) {
    assert.instance(error, PeerError)
    assert.match((error as Error).message, pattern)
    return
  }
  assert.unreachable(`${typeof input === 'string' ? input.slice(0, 60) : 'bytes'} was accepted`)
}

test('a document becomes a tree of names, attributes and text', () => {
  const root = readXml(bytes('<?xml version="1.0" encoding="UTF-8"?>\n<!-- x --><a b="1 &amp; 2"><c> t&#x41; </c><c>second</c><d><![CDATA[<raw>]]></d></a>\n'))
  assert.is(root.name, 'a')
  assert.is(root.attributes.get('b'), '1 & 2')
  assert.is(childText(root, 'c'), 'tA')
  assert.is(child(root, 'd')?.text, '<raw>')
  assert.is(childText(root, 'absent'), undefined)
})
test('a byte order mark and UTF-8 in any script are fine', () => {
  assert.is(readXml(bytes('\ufeff<a>пароль 密码</a>')).text, 'пароль 密码')
})
test('a DOCTYPE without internal subset is skipped', () => {
  assert.is(readXml(bytes('<?xml version="1.0"?><!DOCTYPE config-auth SYSTEM "config-auth.dtd"><config-auth/>')).name, 'config-auth')
})
test('a DOCTYPE with an internal subset is refused, whatever is in it', () => {
  refused('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', /DOCTYPE/)
  refused('<!DOCTYPE a SYSTEM "x" []><a/>', /DOCTYPE/)
})
test('entities other than the five are refused', () => {
  refused('<a>&bomb;</a>', /entity/)
  assert.is(readXml(bytes('<a>&amp;&lt;&gt;&quot;&apos;&#65;</a>')).text, '&<>"\'A')
})
test('10,000 levels are refused at the seventeenth', () => {
  refused('<a>'.repeat(10_000), /too deep/)
  const depth = (levels: number): string => '<a>'.repeat(levels) + '</a>'.repeat(levels)
  assert.ok(readXml(bytes(depth(XML_LIMITS.depth))))
  refused(depth(XML_LIMITS.depth + 1), /too deep/)
})
test('the number of elements is bounded', () => {
  assert.is(readXml(bytes(`<a>${'<b/>'.repeat(XML_LIMITS.elements - 1)}</a>`)).children.length, XML_LIMITS.elements - 1)
  refused(`<a>${'<b/>'.repeat(XML_LIMITS.elements)}</a>`, /too many elements/)
})
test('text and attributes are bounded together', () => {
  assert.ok(readXml(bytes(`<a>${'x'.repeat(XML_LIMITS.contentBytes)}</a>`)))
  refused(`<a>${'x'.repeat(XML_LIMITS.contentBytes + 1)}</a>`, /too much text/)
  refused(`<a b="${'x'.repeat(XML_LIMITS.contentBytes)}"/>`, /too much text/)
  refused(`<a ${Array.from({ length: 20_000 }, (_, index) => `a${index}=""`).join(' ')}/>`, /too much text/)
})
test('a body over 256 KiB is refused before it is decoded', () => {
  refused(new Uint8Array(XML_LIMITS.bytes + 1), /more than/)
})
test('what is not UTF-8 is refused', () => {
  refused(new Uint8Array([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]), /not UTF-8/)
  refused('<?xml version="1.0" encoding="UTF-16"?><a/>', /not UTF-8/)
  refused('<?xml version="1.0" encoding="ISO-8859-1"?><a/>', /not UTF-8/)
})
test('NUL, duplicate attributes, trailing content and unfinished documents are refused', () => {
  refused('<a>\0</a>', /NUL/)
  refused('<a b="1" b="2"/>', /attribute/)
  refused('<a/><b/>', /./)
  refused('<a/>text', /./)
  refused('<a>', /./)
  refused('', /./)
  refused('<a></b>', /./)
})

test('a document is read alike behind good ones and behind refused ones', () => {
  const good = bytes('<a b="1"><c>text</c></a>')
  const expected = readXml(good)
  for (const broken of ['<a', '<a><b></a>', '<a>&bomb;</a>', '<a/><b/>', '<a b="', '<!DOCTYPE a [', '<a>'.repeat(20), '<?xml version="1.1"?><a>\x01</a>', '']) {
    refused(broken, /XML refused/)
    assert.equal(readXml(good), expected, broken)
    assert.equal(readXml(good), expected)
  }
  assert.is(readXml(bytes('<?xml version="1.1"?><a>\x85</a>')).name, 'a')
  refused('<a>\x01</a>', /disallowed character/)
})

test.run()
