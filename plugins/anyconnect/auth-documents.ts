import type { AuthForm, BrowserLogin, ClientProfile, GroupConfig } from '../../core/api.ts'
import { xml, xmlDocument, type XmlNode } from './xml-writer.ts'

/** `aggregate`: `config-auth` documents; `plain`: the bare `auth` of clients without aggregate authentication. */
export type Dialect = 'aggregate' | 'plain'

export interface AuthRequest {
  readonly form: AuthForm
  /** Text above the form, shown as an error. */
  readonly error?: string | undefined
  readonly handle: string
  /** Path that the answer is posted to. */
  readonly action: string
  readonly group: GroupConfig
  /** The first is selected; empty: no list. */
  readonly groups: readonly GroupConfig[]
  /** Milliseconds, as Cisco's gateways write it. */
  readonly configHash: number
}

export interface Complete {
  readonly sessionId: string
  readonly sessionToken: string
  readonly banner: string
  /** Upper-case hex of the leaf certificate. */
  readonly certificateSha1: string | undefined
  readonly profile?: ClientProfile | undefined
  /** Attributes for the client itself. */
  readonly attributes?: readonly XmlNode[]
}

/** Form of reference/cisco section 2.1, always with an action (reference/protocol 17.0). */
export function authRequestDocument(dialect: Dialect, request: AuthRequest): string {
  const auth = xml(
    'auth',
    { id: request.form.id },
    xml('title', {}, 'Login'),
    ...(request.form.message === '' ? [] : [xml('message', {}, request.form.message)]),
    ...(request.error === undefined ? [] : [errorNode(request.error)]),
    ...browserNodes(request.form.browser),
    xml('form', { method: 'post', action: request.action }, ...request.form.fields.map(inputNode), ...selectNode(request.groups)),
  )
  if (dialect === 'plain') return xmlDocument(auth)
  return configAuth('auth-request', opaqueNode(request), auth)
}

/** Ends the dialogue: a form without inputs makes every client show the error and stop. */
export function refusalDocument(dialect: Dialect, text: string, message?: string): string {
  const auth = xml('auth', { id: 'main' }, xml('title', {}, 'Login'), ...(message === undefined ? [] : [xml('message', {}, message)]), errorNode(text), xml('form', { method: 'post', action: '/' }))
  return dialect === 'plain' ? xmlDocument(auth) : configAuth('auth-request', auth)
}

/** Come again on a new connection, with a certificate (reference/protocol section 5). */
export const certificateRequestDocument = (): string => configAuth('auth-request', xml('client-cert-request', {}))

/** The certificate of the connection is good; the second signs this document as it is, byte for byte (reference/protocol section 5). */
export const secondCertificateDocument = (request: Pick<AuthRequest, 'handle' | 'group' | 'configHash'> & { readonly hashes: readonly string[]; readonly random: string }): string =>
  configAuth(
    'auth-request',
    opaqueNode(request),
    xml('multiple-client-cert-request', {}, ...request.hashes.map((hash) => xml('hash-algorithm', {}, hash))),
    xml('random', {}, request.random),
    xml('cert-authenticated', {}),
  )

/** reference/cisco section 2.2. */
export function completeDocument(dialect: Dialect, complete: Complete): string {
  const success = xml(
    'auth',
    { id: 'success' },
    xml('message', { id: '0', param1: '', param2: '' }),
    ...(complete.banner === '' ? [] : [xml('banner', {}, complete.banner)]),
  )
  if (dialect === 'plain') return xmlDocument(success)
  const hash = complete.certificateSha1
  return configAuth(
    'complete',
    xml('session-id', {}, complete.sessionId),
    xml('session-token', {}, complete.sessionToken),
    success,
    xml('capabilities', {}, xml('crypto-supported', {}, 'ssl-dhe')),
    xml(
      'config',
      { client: 'vpn', type: 'private' },
      xml('vpn-base-config', {}, ...(hash === undefined ? [] : [xml('server-cert-hash', {}, hash)])),
      xml('opaque', { 'is-for': 'vpn-client' }, ...(complete.attributes ?? [])),
      xml('vpn-profile-manifest', {}, xml('vpn', { rev: '1.0' }, ...profileNode(complete.profile))),
    ),
  )
}

const profileNode = (profile: ClientProfile | undefined): readonly XmlNode[] =>
  profile === undefined ? [] : [xml('file', { type: 'profile', 'service-type': 'user' }, xml('uri', {}, profile.path), xml('hash', { type: 'sha1' }, profile.sha1))]

/** To a logout: done, and nothing to go on with. */
export const logoutDocument = (): string => configAuth('complete', xml('auth', { id: 'success' }, xml('message', { id: '0', param1: '', param2: '' })))

/** To a document that is none (Cisco's number 98). */
export const unparsableDocument = (text: string): string => configAuth('complete', xml('error', { id: '98', param1: '', param2: '' }, text))

const configAuth = (type: string, ...children: readonly XmlNode[]): string =>
  xmlDocument(xml('config-auth', { client: 'vpn', type, 'aggregate-auth-version': '2' }, ...children))

const opaqueNode = (request: Pick<AuthRequest, 'handle' | 'group' | 'configHash'>): XmlNode =>
  xml(
    'opaque',
    { 'is-for': 'sg' },
    xml('tunnel-group', {}, request.group.name),
    xml('aggauth-handle', {}, request.handle),
    xml('group-alias', {}, request.group.label),
    xml('config-hash', {}, String(request.configHash)),
  )

// Number 88 with the text as its parameter is what Cisco's clients are known to show.
const errorNode = (text: string): XmlNode => xml('error', { id: '88', param1: text, param2: '' }, '%s')

// reference/protocol section 4.1.
const browserNodes = (browser: BrowserLogin | undefined): readonly XmlNode[] =>
  browser === undefined
    ? []
    : [
        xml('sso-v2-login', {}, browser.url),
        xml('sso-v2-login-final', {}, browser.finalUrl),
        xml('sso-v2-token-cookie-name', {}, browser.tokenCookie),
        xml('sso-v2-error-cookie-name', {}, browser.errorCookie),
        ...(browser.mode === 'external' ? [xml('sso-v2-browser-mode', {}, 'external')] : []),
      ]

const inputNode = (field: AuthForm['fields'][number]): XmlNode =>
  xml('input', { type: field.kind, name: field.name, label: field.kind === 'hidden' || field.kind === 'sso' ? undefined : field.label, value: field.value })

const selectNode = (groups: readonly GroupConfig[]): readonly XmlNode[] =>
  groups.length === 0
    ? []
    : [
        xml(
          'select',
          { name: 'group_list', label: 'GROUP:' },
          ...groups.map((group, index) => xml('option', { value: group.name, selected: index === 0 ? 'true' : undefined }, group.label)),
        ),
      ]
