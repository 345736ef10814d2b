import { refuseXml, scanXml, type XmlEvents } from './xml-scanner.ts'

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
  readonly attributes: Map<string, string>
  readonly children: OpenElement[]
  text: string
}

/**
 * Parses one complete XML document in UTF-8, strictly: no internal DTD subset, no entities but the five, nothing behind
 * the root. Throws PeerError for everything outside the rules or the limits, and nothing else.
 */
export function readXml(bytes: Uint8Array): XmlElement {
  if (bytes.length > XML_LIMITS.bytes) refuseXml(`more than ${XML_LIMITS.bytes} bytes`)
  const text = decodeUtf8(bytes)
  if (text.includes('\0')) refuseXml('NUL')
  const reader = new TreeReader()
  scanXml(text, reader)
  return reader.root ?? refuseXml('no root element')
}

/** Builds the tree within the limits. */
class TreeReader implements XmlEvents {
  root: OpenElement | undefined
  private readonly path: OpenElement[] = []
  private elements = 0
  private content = 0

  open(name: string): void {
    if (++this.elements > XML_LIMITS.elements) refuseXml('too many elements')
    if (this.path.length >= XML_LIMITS.depth) refuseXml('too deep')
    const element: OpenElement = { name, attributes: new Map(), children: [], text: '' }
    const parent = this.path.at(-1)
    if (parent) parent.children.push(element)
    else this.root = element
    this.path.push(element)
  }
  attribute(name: string, value: string): void {
    this.count(name)
    this.count(value)
    this.path.at(-1)?.attributes.set(name, value)
  }
  close(): void {
    this.path.pop()
  }
  text(value: string): void {
    this.count(value)
    const element = this.path.at(-1)
    if (element) element.text += value
  }

  private count(value: string): void {
    this.content += Buffer.byteLength(value)
    if (this.content > XML_LIMITS.contentBytes) refuseXml('too much text')
  }
}

/** First child of that name. */
export const child = (element: XmlElement | undefined, name: string): XmlElement | undefined =>
  element?.children.find((candidate) => candidate.name === name)

/** Text of the first child of that name, without surrounding white space; undefined when absent or empty. */
export const childText = (element: XmlElement | undefined, name: string): string | undefined =>
  child(element, name)?.text.trim() || undefined

const UTF8 = new TextDecoder('utf-8', { fatal: true })

export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    return refuseXml('not UTF-8')
  }
}
