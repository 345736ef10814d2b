import { PeerError } from '../../core/api.ts'
import { readClientDocument } from '../../plugins/anyconnect/client-document.ts'
import { xml, xmlDocument } from '../../plugins/anyconnect/xml-writer.ts'
import { readXml } from '../../plugins/anyconnect/xml-reader.ts'

/** Login bodies: a document or a PeerError, and what was read can be written and read again. */
export function run(bytes: Uint8Array): void {
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
