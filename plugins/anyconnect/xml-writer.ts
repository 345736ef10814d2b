import { escapeXml } from '../../core/api.ts'

/** Markup that is escaped already; only `xml` makes it. */
export interface XmlNode {
  readonly markup: string
}

/** One element, always with an end tag as Cisco's gateways write it. Attributes that are undefined are left out. */
export function xml(name: string, attributes: Readonly<Record<string, string | undefined>> = {}, ...children: readonly (XmlNode | string)[]): XmlNode {
  let markup = `<${name}`
  for (const key of Object.keys(attributes)) {
    const value = attributes[key]
    if (value !== undefined) markup += ` ${key}="${escapeXml(value)}"`
  }
  markup += '>'
  for (const node of children) markup += typeof node === 'string' ? escapeXml(node) : node.markup
  return { markup: `${markup}</${name}>` }
}

/** The declaration is never left out: old clients look for it. */
export const xmlDocument = (root: XmlNode): string => `<?xml version="1.0" encoding="UTF-8"?>\n${root.markup}\n`
