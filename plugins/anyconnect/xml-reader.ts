import { isUtf8 } from 'node:buffer'
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

/** One document while it is being read. */
class Reading {
  root: OpenElement | undefined
  private readonly open: OpenElement[] = []
  private elements = 0
  private content = 0

  start(): void {
    if (++this.elements > XML_LIMITS.elements) refuse('too many elements')
    if (this.open.length >= XML_LIMITS.depth) refuse('too deep')
  }
  element(name: string, sent: Readonly<Record<string, string>>): void {
    const attributes = new Map<string, string>()
    for (const key of Object.keys(sent)) {
      const value = sent[key] ?? ''
      this.count(key + value)
      attributes.set(key, value)
    }
    const element: OpenElement = { name, attributes, children: [], text: '' }
    const parent = this.open.at(-1)
    if (parent) parent.children.push(element)
    else this.root = element
    this.open.push(element)
  }
  end(): void {
    this.open.pop()
  }
  text(value: string): void {
    this.count(value)
    const current = this.open.at(-1)
    if (current) current.text += value
  }
  private count(value: string): void {
    this.content += Buffer.byteLength(value)
    if (this.content > XML_LIMITS.contentBytes) refuse('too much text')
  }
}

/** saxes with our rules; ready for the next document after each. */
class DocumentParser {
  private readonly parser = new SaxesParser({ xmlns: false, position: false })
  /** undefined: what the parser says concerns nobody. */
  private reading: Reading | undefined

  constructor() {
    const { parser } = this
    parser.on('error', (error) => this.reading && refuse(firstLine(error.message)))
    parser.on('xmldecl', (declaration) => {
      if (this.reading && declaration.encoding !== undefined && !/^utf-?8$/i.test(declaration.encoding)) refuse('not UTF-8')
    })
    parser.on('doctype', (doctype) => {
      if (this.reading && doctype.includes('[')) refuse('DOCTYPE with an internal subset')
    })
    parser.on('opentagstart', () => this.reading?.start())
    parser.on('opentag', (tag) => this.reading?.element(tag.name, tag.attributes))
    parser.on('closetag', () => this.reading?.end())
    parser.on('text', (text) => this.reading?.text(text))
    parser.on('cdata', (text) => this.reading?.text(text))
    // So many handlers make a dictionary of the parser, five times slower to use; whatever serves as a prototype V8 turns
    // back into an ordinary object.
    Object.setPrototypeOf({}, parser)
  }

  read(text: string): XmlElement | undefined {
    const reading = new Reading()
    this.reading = reading
    try {
      this.parser.write(text).close()
      return reading.root
    } finally {
      this.reading = undefined
    }
  }

  /** After a refusal, which stops the parser in the middle: closing takes it to its beginning. False: it cannot go on. */
  reset(): boolean {
    try {
      this.parser.close()
      return true
    } catch {
      return false
    }
  }
}

/** One for all documents: making one costs more than reading a short document. */
let parser = new DocumentParser()

/**
 * Parses one complete XML document in UTF-8, strictly: no internal DTD subset, no entities but the five, nothing behind
 * the root. Throws PeerError for everything outside the rules or the limits, and nothing else.
 */
export function readXml(bytes: Uint8Array): XmlElement {
  if (bytes.length > XML_LIMITS.bytes) refuse(`more than ${XML_LIMITS.bytes} bytes`)
  const text = decodeUtf8(bytes)
  if (text.includes('\0')) refuse('NUL')
  try {
    return parser.read(text) ?? refuse('no root element')
  } catch (error) {
    // Whatever a stranger did to it, the next document finds a parser at its beginning.
    if (!parser.reset()) parser = new DocumentParser()
    throw error
  }
}

/** First child of that name. */
export const child = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element?.children.find((candidate) => candidate.name === name)

/** Text of the first child of that name, without surrounding white space; undefined when absent or empty. */
export const childText = (element: XmlElement | undefined, name: string): string | undefined =>
  child(element, name)?.text.trim() || undefined

/** Without a byte order mark. */
export function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) refuse('not UTF-8')
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

const firstLine = (text: string): string => (text.split('\n', 1)[0] ?? '').slice(0, 120)
