import { PeerError } from '../../core/api.ts'

/** What a document holds, in its order; any of them may throw to end the scan. */
export interface XmlEvents {
  open(name: string): void
  attribute(name: string, value: string): void
  close(): void
  /** Without markup: references resolved, line ends as LF, CDATA as it stands. */
  text(value: string): void
}

/** Says why a document is refused. */
export const refuseXml = (reason: string): never => {
  throw new PeerError('AGGAUTH_ERROR_FAILED_TO_PARSE_XML', `XML refused: ${reason}`)
}

// XML 1.0, fifth edition: productions 4 and 4a; characters beyond the basic plane as their surrogates, which are paired here.
const NAME_START = ':A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f\\u2c00-\\u2fef\\u3001-\\ud7ff\\ud800-\\udb7f\\udc00-\\udfff\\uf900-\\ufdcf\\ufdf0-\\ufffd'
const NAME = new RegExp(`[${NAME_START}][${NAME_START}\\-.0-9\\u00b7\\u0300-\\u036f\\u203f\\u2040]*`, 'y')
const ATTRIBUTE = new RegExp(`[ \\t\\n]+(${NAME.source})[ \\t\\n]*=[ \\t\\n]*(?:"([^<"]*)"|'([^<']*)')`, 'y')
const TAG_END = /[ \t\n]*(\/?)>/y
const CLOSE_END = /[ \t\n]*>/y
const DECLARATION = /<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(?:"1\.[0-9]+"|'1\.[0-9]+')(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"([A-Za-z][\w.-]*)"|'([A-Za-z][\w.-]*)'))?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\n]*\?>/y
const INSTRUCTION = new RegExp(`<\\?(${NAME.source})(?:[ \\t\\n][^]*?)?\\?>`, 'y')
const DOCTYPE = new RegExp(`<!DOCTYPE[ \\t\\n]+${NAME.source}(?:[ \\t\\n]+(?:SYSTEM|PUBLIC[ \\t\\n]+(?:"[^"]*"|'[^']*'))[ \\t\\n]+(?:"[^"]*"|'[^']*'))?[ \\t\\n]*>`, 'y')
const BLANK = /[ \t\n]*/y
// Characters that XML cannot carry (production 2), raw or by reference; text is well-formed UTF-16 here.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const REFERENCE = /&([^;&]{0,32});?/g
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * Walks through one complete document, strictly: no internal DTD subset, no entities but the five, nothing behind the
 * root, UTF-8 only. Linear in the length of the text. Throws PeerError.
 */
export function scanXml(input: string, events: XmlEvents): void {
  const bare = input.charCodeAt(0) === 0xfeff ? input.slice(1) : input
  const text = bare.includes('\r') ? bare.replace(/\r\n?/g, '\n') : bare
  if (FORBIDDEN.test(text)) refuseXml('a character that XML cannot carry')
  const open: string[] = []
  let at = 0
  let rooted = false
  let typed = false

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at = pattern.lastIndex
    return found
  }
  const past = (end: string, from: number, what: string): string => {
    const stop = text.indexOf(end, from)
    if (stop < 0) return refuseXml(`${what} without an end`)
    at = stop + end.length
    return text.slice(from, stop)
  }

  const startTag = (): void => {
    at++
    const name = match(NAME)?.[0] ?? refuseXml('a tag without a name')
    if (open.length === 0) {
      if (rooted) refuseXml('more than one root element')
      rooted = true
    }
    events.open(name)
    const seen = new Set<string>()
    for (let found = match(ATTRIBUTE); found; found = match(ATTRIBUTE)) {
      const [, key = '', double, single = ''] = found
      if (seen.has(key)) refuseXml(`attribute ${key} twice`)
      seen.add(key)
      // White space in values counts as blanks (section 3.3.3); what is written as a reference stays.
      events.attribute(key, resolve((double ?? single).replace(/[\t\n]/g, ' ')))
    }
    const end = match(TAG_END) ?? refuseXml(`tag ${name} is malformed, or an attribute of it`)
    if (end[1] === '/') events.close()
    else open.push(name)
  }
  const endTag = (): void => {
    const expected = open.pop()
    if (expected === undefined || !text.startsWith(expected, at + 2)) refuseXml('an end tag without its start')
    at += 2 + (expected?.length ?? 0)
    if (!match(CLOSE_END)) refuseXml('an end tag without its start')
    events.close()
  }
  const characters = (): void => {
    const stop = text.indexOf('<', at)
    const end = stop < 0 ? text.length : stop
    const raw = text.slice(at, end)
    at = end
    if (raw.includes(']]>')) refuseXml(']]> in text')
    if (open.length > 0) events.text(resolve(raw))
    else if (/[^ \t\n]/.test(raw)) refuseXml('text outside the root element')
  }
  const comment = (): void => {
    past('--', at + 4, 'a comment')
    if (text[at++] !== '>') refuseXml('-- in a comment')
  }
  const doctype = (): void => {
    if (rooted || typed) refuseXml('DOCTYPE in the wrong place')
    typed = true
    if (!match(DOCTYPE)) refuseXml('DOCTYPE with an internal subset, or malformed')
  }
  const instruction = (): void => {
    const target = match(INSTRUCTION)?.[1] ?? refuseXml('a malformed processing instruction')
    if (target.toLowerCase() === 'xml') refuseXml('an XML declaration in the wrong place')
  }

  if (/^<\?xml[ \t\n]/.test(text)) {
    const [, double, single] = match(DECLARATION) ?? refuseXml('a malformed XML declaration')
    const encoding = double ?? single
    if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) refuseXml('not UTF-8')
  }
  while (at < text.length) {
    if (text[at] !== '<') characters()
    else if (text[at + 1] === '/') endTag()
    else if (text[at + 1] === '?') instruction()
    else if (text[at + 1] !== '!') startTag()
    else if (text.startsWith('<!--', at)) comment()
    else if (text.startsWith('<![CDATA[', at) && open.length > 0) events.text(past(']]>', at + 9, 'CDATA'))
    else if (text.startsWith('<!DOCTYPE', at)) doctype()
    else refuseXml('markup that is none')
    if (open.length === 0) match(BLANK)
  }
  if (!rooted) refuseXml('no root element')
  if (open.length > 0) refuseXml('an element without an end')
}

const resolve = (raw: string): string => (raw.includes('&') ? raw.replace(REFERENCE, reference) : raw)

function reference(whole: string, name: string): string {
  if (!whole.endsWith(';')) return refuseXml('an entity without an end')
  if (!name.startsWith('#')) return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? '') : refuseXml('an entity beyond the five')
  const hex = /^#x([0-9a-fA-F]{1,8})$/.exec(name)?.[1]
  const decimal = /^#([0-9]{1,8})$/.exec(name)?.[1]
  const code = hex === undefined ? Number(decimal ?? 'NaN') : Number.parseInt(hex, 16)
  if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) return refuseXml('a character reference to no character')
  const character = String.fromCodePoint(code)
  return FORBIDDEN.test(character) ? refuseXml('a character that XML cannot carry') : character
}
