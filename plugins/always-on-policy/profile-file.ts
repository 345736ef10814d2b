import { isUtf8 } from 'node:buffer'
import { FileRefusal, filePath, readWhole } from '../../core/api.ts'
import { SaxesParser } from 'saxes'
import { readServerAddress } from './server-address.ts'

/** A profile that somebody else wrote: Cisco's profile editor, or an ocserv before. */
export interface ProfileDocument {
  /** Its bytes decoded, a byte order mark included: what clients get, unchanged. */
  readonly xml: string
  /** Every host that it names, lower case. */
  readonly hosts: readonly string[]
  readonly alwaysOn: boolean
  readonly trustRules: boolean
}

export const PROFILE_FILE_LIMITS = { bytes: 256 * 1024, depth: 16, elements: 20_000 } as const
const NAMESPACE = 'http://schemas.xmlsoap.org/encoding/'
const TRUST_RULES: ReadonlySet<string> = new Set(['TrustedDNSDomains', 'TrustedDNSServers', 'TrustedHttpsServer'])

/** Names a file with a profile; the value is what has to be known of it. */
export const profileFile = () =>
  filePath().transform((path, context): ProfileDocument => {
    try {
      return readProfileDocument(readWhole(path, PROFILE_FILE_LIMITS.bytes).bytes)
    } catch (error) {
      if (!(error instanceof FileRefusal)) throw error
      context.addIssue({ code: 'custom', message: `${path}: ${error.message}` })
      return { xml: '', hosts: [], alwaysOn: false, trustRules: false }
    }
  })

const refuse = (reason: string): never => {
  throw new FileRefusal(reason)
}

/** One well-formed profile, nothing in it that a parser could be made to fetch or to unfold. Throws FileRefusal. */
export function readProfileDocument(bytes: Uint8Array): ProfileDocument {
  if (!isUtf8(bytes)) refuse('is not UTF-8')
  const xml = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  const open: { readonly name: string; text: string }[] = []
  const servers: { name?: string; addresses: string[] }[] = []
  const loose: string[] = []
  let elements = 0
  let alwaysOn = false
  let trustRules = false
  const parser = new SaxesParser({ xmlns: true })
  parser.on('error', (error) => refuse(`is no well-formed XML: ${(error.message.split('\n', 1)[0] ?? '').slice(0, 120)}`))
  parser.on('doctype', () => refuse('has a DOCTYPE'))
  parser.on('opentag', ({ local, uri }) => {
    if (++elements > PROFILE_FILE_LIMITS.elements) refuse('has too many elements')
    if (open.length >= PROFILE_FILE_LIMITS.depth) refuse('is nested too deeply')
    if (open.length === 0 && (local !== 'AnyConnectProfile' || uri !== NAMESPACE)) refuse('is no AnyConnectProfile')
    if (local === 'HostEntry') servers.push({ addresses: [] })
    open.push({ name: local, text: '' })
  })
  const take = (text: string): void => {
    const element = open.at(-1)
    if (element) element.text += text
  }
  parser.on('text', take)
  parser.on('cdata', take)
  parser.on('closetag', () => {
    const { name, text } = open.pop() ?? { name: '', text: '' }
    const value = text.trim()
    const inEntry = open.some((element) => element.name === 'HostEntry')
    const entry = servers.at(-1)
    if (name === 'HostAddress' && inEntry) entry?.addresses.push(value)
    else if (name === 'HostAddress') loose.push(value)
    else if (name === 'HostName' && entry) entry.name = value
    else if (name === 'AlwaysOn') alwaysOn = value === 'true'
    else if (TRUST_RULES.has(name) && (value !== '' || name === 'TrustedHttpsServer')) trustRules = true
  })
  parser.write(xml.replace(/^\ufeff/, '')).close()
  // Without an address the name is one.
  const given = [...loose, ...servers.flatMap(({ name, addresses }) => (addresses.length > 0 ? addresses : name === undefined ? [] : [name]))]
  const hosts = given.flatMap((text) => readServerAddress(text.split('/', 1)[0] ?? '')?.host ?? [])
  return { xml, hosts: [...new Set(hosts)], alwaysOn, trustRules }
}
