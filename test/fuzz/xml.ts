import { PeerError } from '../../core/api.ts'
import { readClientDocument } from '../../plugins/anyconnect/client-document.ts'
import { xml, xmlDocument } from '../../plugins/anyconnect/xml-writer.ts'
import { readXml } from '../../plugins/anyconnect/xml-reader.ts'

const GOOD = new TextEncoder().encode('<?xml version="1.0" encoding="UTF-8"?>\n<config-auth client="vpn" type="auth-reply"><auth><username>bob</username></auth></config-auth>\n')
const expected = JSON.stringify(readClientDocument(GOOD), (_, value: unknown) => (value instanceof Map ? [...value] : value))

/** Login bodies: a document or a PeerError, what was read can be written and read again, and the next login is read as ever. */
export function run(bytes: Uint8Array): void {
  read(bytes)
  const next = JSON.stringify(readClientDocument(GOOD), (_, value: unknown) => (value instanceof Map ? [...value] : value))
  if (next !== expected) throw new Error(`the next document is read as ${next}`)
}

function read(bytes: Uint8Array): void {
  let values: Iterable<readonly [string, string]>
  try {
    const document = readClientDocument(bytes)
    values = document.kind === 'auth-reply' ? document.values : []
  } catch (error) {
    if (error instanceof PeerError) return
    throw error
  }
  for (const [, value] of values) {
    const again = readXml(new TextEncoder().encode(xmlDocument(xml('message', { label: value.slice(0, 1000) }, value.slice(0, 1000)))))
    if (again.attributes.get('label') !== again.text) throw new Error('attribute and text are escaped differently')
  }
}
