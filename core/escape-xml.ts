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
