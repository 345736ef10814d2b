import { SaxesParser } from 'saxes'
import { PeerError } from '../../core/api.ts'

/** Bounds on one XML document from a stranger (reference/protocol section 3.4). */
export const XML_LIMITS = {
  bytes: 256 * 1024,
  depth: 16,
  elements: 512,
  /** Attribute names and values plus text, UTF-8 bytes. */
  contentBytes: 64 * 1024,
} as const

export interface XmlElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Own text, CDATA included, without that of the children. */
  readonly text: string
}

interface OpenElement {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: OpenElement[]
  text: string
}

const refuse = (reason: string): never => {
  throw new PeerError('AGGAUTH_ERROR_FAILED_TO_PARSE_XML', `XML refused: ${reason}`)
}

/**
 * Parses one complete XML document in UTF-8, strictly: no internal DTD subset, no entities but the five, nothing behind
 * the root. Throws PeerError for everything outside the rules or the limits, and nothing else.
 */
export function readXml(bytes: Uint8Array): XmlElement {
  if (bytes.length > XML_LIMITS.bytes) refuse(`more than ${XML_LIMITS.bytes} bytes`)
  const text = decodeUtf8(bytes)
  if (text.includes('\0')) refuse('NUL')

  const parser = new SaxesParser({ xmlns: false, position: false })
  const open: OpenElement[] = []
  let root: OpenElement | undefined
  let elements = 0
  let content = 0
  const count = (value: string): void => {
    content += Buffer.byteLength(value)
    if (content > XML_LIMITS.contentBytes) refuse('too much text')
  }
  const addText = (value: string): void => {
    count(value)
    const current = open.at(-1)
    if (current) current.text += value
  }

  parser.on('error', (error) => refuse(firstLine(error.message)))
  parser.on('xmldecl', (declaration) => {
    if (declaration.encoding !== undefined && !/^utf-?8$/i.test(declaration.encoding)) refuse('not UTF-8')
  })
  parser.on('doctype', (doctype) => {
    if (doctype.includes('[')) refuse('DOCTYPE with an internal subset')
  })
  parser.on('opentagstart', () => {
    if (++elements > XML_LIMITS.elements) refuse('too many elements')
    if (open.length >= XML_LIMITS.depth) refuse('too deep')
  })
  parser.on('opentag', (tag) => {
    for (const [name, value] of Object.entries(tag.attributes)) count(name + value)
    const element: OpenElement = { name: tag.name, attributes: new Map(Object.entries(tag.attributes)), children: [], text: '' }
    const parent = open.at(-1)
    if (parent) parent.children.push(element)
    else root = element
    open.push(element)
  })
  parser.on('closetag', () => void open.pop())
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.write(text).close()
  return root ?? refuse('no root element')
}

/** First child of that name. */
export const child = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element?.children.find((candidate) => candidate.name === name)

/** Text of the first child of that name, without surrounding white space; undefined when absent or empty. */
export const childText = (element: XmlElement | undefined, name: string): string | undefined =>
  child(element, name)?.text.trim() || undefined

export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('not UTF-8')
  }
}

const firstLine = (text: string): string => (text.split('\n', 1)[0] ?? '').slice(0, 120)
