import { escapeXml } from '../../core/api.ts'

/** An element; its text stands before its children (reference/cisco section 6). */
export interface XmlElement {
  readonly name: string
  readonly attributes?: Readonly<Record<string, string>>
  readonly text?: string
  readonly children?: readonly XmlElement[]
}

export const element = (name: string, text: string, children: readonly XmlElement[] = []): XmlElement => ({ name, text, children })
export const parent = (name: string, children: readonly XmlElement[]): XmlElement => ({ name, children })
/** Left out where there is nothing in it. */
export const list = (name: string, children: readonly XmlElement[]): readonly XmlElement[] => (children.length === 0 ? [] : [parent(name, children)])

/** A line for each element, the text of one with children in the line that opens it: so does Cisco's profile editor. */
export function writeXml(root: XmlElement, indent = ''): string {
  const { name, attributes = {}, text, children = [] } = root
  const open = `${indent}<${name}${Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`).join('')}>`
  if (children.length === 0) return `${open}${escapeXml(text ?? '')}</${name}>\n`
  return `${open}${escapeXml(text ?? '')}\n${children.map((child) => writeXml(child, `${indent}  `)).join('')}${indent}</${name}>\n`
}
