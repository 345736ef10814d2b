/** Markup that is escaped already; only `xml` makes it. */
export interface XmlNode {
  readonly markup: string
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#x27;', '\n': '&#x0A;', '\r': '&#x0D;', '\t': '&#x09;',
}
// Characters that XML 1.0 cannot carry at all.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

// Nothing to do for most of what is written.
const PLAIN = /^[ !#-%(-;=?-~]*$/

/** Fit for text and for a quoted attribute value alike; what XML cannot carry is left out. */
export const escapeXml = (text: string): string =>
  PLAIN.test(text) ? text : text.replace(FORBIDDEN, '').replace(/[&<>"'\n\r\t]/g, (character) => ESCAPES[character] ?? '')

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
