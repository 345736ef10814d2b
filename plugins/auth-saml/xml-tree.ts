import { SaxesParser } from 'saxes'
import { PeerError } from '../../core/api.ts'

export interface XmlLimits {
  readonly bytes: number
  readonly depth: number
  readonly elements: number
}
/** Of a message that a browser brings. */
export const MESSAGE_LIMITS: XmlLimits = { bytes: 192 * 1024, depth: 32, elements: 4000 }
/** Of the metadata of an identity provider; those of a federation are longer. */
export const METADATA_LIMITS: XmlLimits = { bytes: 4 * 1024 * 1024, depth: 32, elements: 100_000 }
const MAX_ATTRIBUTES = 32

export interface XmlElement {
  readonly uri: string
  readonly local: string
  /** By name without prefix where there is none, else with its prefix (`xml:lang`); declarations of namespaces are left out. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Own text, without that of the children. */
  readonly text: string
}
interface OpenElement {
  readonly uri: string
  readonly local: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: OpenElement[]
  text: string
}

export const refuse = (reason: string): never => {
  throw new PeerError('SAML', reason)
}

/**
 * A document as a tree. What two parsers could read in two ways is refused: DOCTYPE, entities of one's own, processing
 * instructions, CDATA and, with `strict`, comments. Throws PeerError with one line.
 */
export function readXml(text: string, limits: XmlLimits, strict = true): XmlElement {
  if (Buffer.byteLength(text) > limits.bytes) refuse(`is longer than ${limits.bytes} bytes`)
  // Before any parser sees it.
  if (/<!\s*(?:DOCTYPE|ENTITY)/i.test(text)) refuse('has a DOCTYPE')
  const parser = new SaxesParser({ xmlns: true, position: false })
  const open: OpenElement[] = []
  let root: OpenElement | undefined
  let elements = 0
  parser.on('error', (error) => refuse(`is not well-formed: ${error.message.split('\n', 1)[0]?.slice(0, 160) ?? ''}`))
  parser.on('doctype', () => refuse('has a DOCTYPE'))
  parser.on('processinginstruction', () => refuse('has a processing instruction'))
  parser.on('cdata', () => refuse('has a CDATA section'))
  if (strict) parser.on('comment', () => refuse('has a comment'))
  parser.on('opentagstart', () => {
    if (++elements > limits.elements) refuse('has too many elements')
    if (open.length >= limits.depth) refuse('is nested too deep')
  })
  parser.on('opentag', ({ uri, local, attributes: sent }) => {
    const entries = Object.values(sent).filter(({ prefix, name }) => prefix !== 'xmlns' && name !== 'xmlns')
    if (entries.length > MAX_ATTRIBUTES) refuse('has too many attributes')
    const element: OpenElement = { uri, local, attributes: new Map(entries.map(({ name, value }) => [name, value])), children: [], text: '' }
    const parent = open.at(-1)
    if (parent) parent.children.push(element)
    else root = element
    open.push(element)
  })
  parser.on('closetag', () => void open.pop())
  parser.on('text', (value) => {
    const current = open.at(-1)
    if (current) current.text += value
  })
  parser.write(text).close()
  return root ?? refuse('is empty')
}

/** Itself and everything below. */
export function* elementsOf(element: XmlElement): Generator<XmlElement> {
  yield element
  for (const child of element.children) yield* elementsOf(child)
}
export const childrenOf = ({ children }: XmlElement, uri: string, local: string): readonly XmlElement[] => children.filter((child) => child.uri === uri && child.local === local)

/** The only child of that name, or undefined without one; several are refused. */
export function onlyChild(element: XmlElement, uri: string, local: string): XmlElement | undefined {
  const found = childrenOf(element, uri, local)
  return found.length > 1 ? refuse(`has more than one ${local}`) : found[0]
}
