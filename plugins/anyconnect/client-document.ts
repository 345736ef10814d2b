import { PeerError } from '../../core/api.ts'
import { shownCertificate, type ShownCertificate } from './second-certificate.ts'
import { child, childText, decodeUtf8, readXml, XML_LIMITS, type XmlElement } from './xml-reader.ts'

/** What a client says of itself in every document; each value as sent, cut to 256 characters. */
export interface ClientFacts {
  readonly version?: string | undefined
  /** `linux-64 win mac-intel android apple-ios`. */
  readonly platform?: string | undefined
  readonly deviceType?: string | undefined
  readonly hostname?: string | undefined
  readonly uniqueId?: string | undefined
  readonly capabilities: readonly string[]
  /** It was asked for a certificate and has none (`<client-cert-fail/>`). */
  readonly certificateMissing: boolean
  readonly groupSelect?: string | undefined
  readonly groupAccess?: string | undefined
  /** Dialogue handle from `<opaque>`. */
  readonly handle?: string | undefined
}

/** A client's POST as a value (reference/protocol section 3.1, reference/cisco section 1). */
export type ClientDocument =
  | { readonly kind: 'init'; readonly xml: true; readonly facts: ClientFacts }
  | { readonly kind: 'auth-reply'; readonly xml: boolean; readonly facts: ClientFacts; readonly values: ReadonlyMap<string, string>; readonly certificate?: ShownCertificate | undefined }
  | { readonly kind: 'logout'; readonly xml: true; readonly facts: ClientFacts; readonly sessionToken: string | undefined }

/** Fields of a form body. */
export const FORM_LIMITS = { fields: 64, nameBytes: 128 } as const

/**
 * Reads a POST body. Its first byte decides between XML and form, because Content-Type does not tell (an iOS client calls
 * XML a form). Throws PeerError.
 */
export function readClientDocument(body: Uint8Array): ClientDocument {
  const first = body.find((byte) => byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf)
  return first === 0x3c ? fromXml(readXml(body)) : fromForm(body)
}

function fromXml(root: XmlElement): ClientDocument {
  if (root.name !== 'config-auth') throw new PeerError('AGGAUTH_ERROR_FAILED_TO_PARSE_XML', 'the root is not config-auth')
  if (root.attributes.get('client') !== 'vpn') throw new PeerError('AGGAUTH_ERROR_FAILED_TO_PARSE_XML', 'client is not vpn')
  const type = root.attributes.get('type')
  const facts = clientFacts(root)
  if (type === 'init') return { kind: 'init', xml: true, facts }
  if (type === 'auth-reply') return { kind: 'auth-reply', xml: true, facts, values: authValues(root), certificate: shownCertificate(child(root, 'auth')) }
  if (type === 'logout') return { kind: 'logout', xml: true, facts, sessionToken: childText(root, 'session-token') }
  throw new PeerError('AGGAUTH_ERROR_FAILED_TO_PARSE_XML', 'the type of config-auth is unknown')
}

function clientFacts(root: XmlElement): ClientFacts {
  const device = child(root, 'device-id')
  const methods = child(root, 'capabilities')?.children.filter((element) => element.name === 'auth-method') ?? []
  return {
    version: short(childText(root, 'version')),
    platform: short(device?.text.trim() || undefined),
    deviceType: short(device?.attributes.get('device-type')),
    hostname: short(device?.attributes.get('computer-name')),
    uniqueId: short(device?.attributes.get('unique-id-global') ?? device?.attributes.get('unique-id')),
    capabilities: methods.map((element) => element.text.trim()),
    certificateMissing: child(root, 'client-cert-fail') !== undefined,
    groupSelect: short(childText(root, 'group-select')),
    groupAccess: short(childText(root, 'group-access')),
    handle: short(childText(child(root, 'opaque'), 'aggauth-handle')),
  }
}

// Of two elements of one name the first counts.
function authValues(root: XmlElement): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const element of child(root, 'auth')?.children ?? []) {
    if (!values.has(element.name)) values.set(element.name, element.text)
  }
  return values
}

const GROUP_FIELDS: readonly string[] = ['group_list', 'tgroup']

function fromForm(body: Uint8Array): ClientDocument {
  if (body.length > XML_LIMITS.contentBytes) throw new PeerError('PEER', 'form body too long')
  const text = decodeUtf8(body)
  if (text.includes('\0') || /%00/.test(text)) throw new PeerError('PEER', 'NUL in a form')
  const values = new Map<string, string>()
  let fields = 0
  for (const [name, value] of new URLSearchParams(text)) {
    if (++fields > FORM_LIMITS.fields || Buffer.byteLength(name) > FORM_LIMITS.nameBytes) throw new PeerError('PEER', 'form with too many or too long fields')
    if (!values.has(name)) values.set(name, value)
  }
  // openconnect names the group select `group_list`, its built-in plain form `tgroup`.
  const groupSelect = GROUP_FIELDS.map((name) => values.get(name)).find((value) => value !== undefined && value !== '')
  for (const name of GROUP_FIELDS) values.delete(name)
  return { kind: 'auth-reply', xml: false, facts: { capabilities: [], certificateMissing: false, groupSelect: short(groupSelect) }, values }
}

const short = (text: string | undefined): string | undefined => text?.slice(0, 256)
