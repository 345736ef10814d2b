import type { HeaderLine } from './http-exchange.ts'

/** What one kind of Cisco client sends (reference/cisco sections 1 and 9; what is a guess there is one here). */
export interface CiscoClientKind {
  readonly name: string
  readonly userAgent: string
  /** At CONNECT. */
  readonly agent: string
  readonly version: string
  readonly mobile: boolean
  readonly ios: boolean
  /** `each`: one connection for every request. */
  readonly connections: 'each' | 'keep-alive'
  /** Content-Type of XML bodies. */
  readonly contentType: string
  /** Beyond those that all send, in every request of the login. */
  readonly headers: readonly HeaderLine[]
  /** `<device-id>` and what follows it. */
  readonly device: string
  readonly staleGroup: string | undefined
  readonly tunnelHeaders: readonly HeaderLine[]
}

const FORM = 'application/x-www-form-urlencoded'
const KEY = 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfake0000000000000000000000000000000000000000000000000000000000000000000000000000000000=='
const CAPABILITIES = '<capabilities><auth-method>multiple-cert</auth-method><auth-method>single-sign-on</auth-method><auth-method>single-sign-on-v2</auth-method><auth-method>single-sign-on-external-browser</auth-method></capabilities>'
const HEX64 = '0123456789abcdef'.repeat(4)

interface DtlsLists {
  readonly old: string
  readonly dtls12: string
}
/** Secure Client 5.1; 4.7 has two names more. */
const LISTS_51: DtlsLists = {
  old: 'DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-SHA256:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA',
  dtls12: 'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-SHA256:AES256-GCM-SHA384:AES256-SHA256:AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:AES128-GCM-SHA256:AES128-SHA256:AES128-SHA',
}
const with47 = (list: string): string => `${list.replace('DHE-RSA-AES256-SHA256:', 'DHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA:')}:DES-CBC3-SHA`
const LISTS_47: DtlsLists = { old: with47(LISTS_51.old), dtls12: with47(LISTS_51.dtls12) }

/** Without X-DTLS-Master-Secret, which is new at every CONNECT. */
const tunnelHeaders = (mobile: boolean, { old, dtls12 } = LISTS_51): readonly HeaderLine[] => [
  ['X-CSTP-Version', '1'],
  ['X-CSTP-Hostname', 'PC'],
  ['X-CSTP-MTU', '1399'],
  ['X-CSTP-Address-Type', 'IPv6,IPv4'],
  ['X-CSTP-Local-Address-IP4', '192.168.1.20'],
  ['X-CSTP-Base-MTU', '1500'],
  ['X-CSTP-Remote-Address-IP4', '198.51.100.1'],
  ['X-CSTP-Full-IPv6-Capability', 'true'],
  ...(mobile ? [['X-CSTP-License', 'mobile'] as const] : []),
  ['X-DTLS-CipherSuite', old],
  ['X-DTLS-Accept-Encoding', 'lzs'],
  ['X-DTLS12-CipherSuite', dtls12],
  ['X-DTLS-Header-Pad-Length', '0'],
  ['X-CSTP-Accept-Encoding', 'lzs,deflate'],
  ['X-CSTP-Protocol', 'Copyright (c) 2004 Cisco Systems, Inc.'],
  ['X-CSTP-TCP-Keepalive', 'false'],
]

export const WINDOWS: CiscoClientKind = {
  name: 'Windows 5.1', userAgent: 'AnyConnect Windows 5.1.2.42', agent: 'Cisco AnyConnect VPN Agent for Windows 5.1.2.42', version: '5.1.2.42', mobile: false, ios: false,
  connections: 'keep-alive', contentType: FORM,
  headers: [['X-AnyConnect-STRAP-Pubkey', KEY], ['X-AnyConnect-STRAP-DH-Pubkey', KEY]],
  device: `<device-id computer-name="PC" device-type="MODEL" platform-version="10.0.22631" unique-id="${HEX64}" unique-id-global="${HEX64.slice(24)}">win</device-id><mac-address-list><mac-address public-interface="true">00-11-22-33-44-55</mac-address></mac-address-list>${CAPABILITIES}`,
  staleGroup: 'OTHER GATEWAY', tunnelHeaders: tunnelHeaders(false),
}
export const MACOS: CiscoClientKind = {
  name: 'macOS 4.10', userAgent: 'AnyConnect Darwin_i386 4.10.08029', agent: 'Cisco AnyConnect VPN Agent for Mac OS X 4.10.08029', version: '4.10.08029', mobile: false, ios: false,
  connections: 'keep-alive', contentType: FORM, headers: [['X-AnyConnect-Platform', 'mac-intel']],
  device: `<device-id device-type="MacBookPro18,2" platform-version="13.6" unique-id="${HEX64}${HEX64}">mac-intel</device-id><mac-address-list><mac-address>00:11:22:33:44:55</mac-address></mac-address-list>${CAPABILITIES}`,
  staleGroup: undefined, tunnelHeaders: tunnelHeaders(false, LISTS_47),
}
const identifier = (platform: string, version: string, device: string): readonly HeaderLine[] => [
  ['X-AnyConnect-Identifier-ClientVersion', version],
  ['X-AnyConnect-Identifier-Platform', platform],
  ['X-AnyConnect-Identifier-PlatformVersion', '17.4'],
  ['X-AnyConnect-Identifier-DeviceType', device],
  ['X-AnyConnect-Identifier-Device-UniqueID', HEX64.slice(24)],
]
export const IOS: CiscoClientKind = {
  name: 'iOS 5.1', userAgent: 'AnyConnect AppleSSLVPN_Darwin_ARM (iPhone) 5.1.11.347', agent: 'Cisco AnyConnect VPN Agent for Apple iPhone 5.1.11.347', version: '5.1.11.347', mobile: true, ios: true,
  connections: 'each', contentType: FORM,
  // Both come twice in the recording.
  headers: [...identifier('apple-ios', '5.1.11.347', 'iPhone14,5'), ['Connection', 'close'], ['Connection', 'close'], ['X-Transcend-Version', '1']],
  device: `<device-id device-type="iPhone14,5" platform-version="17.4" unique-id="${HEX64.slice(24)}">apple-ios</device-id><phone-id>unknown</phone-id>`,
  staleGroup: 'LAST CHOICE', tunnelHeaders: tunnelHeaders(true),
}
export const ANDROID: CiscoClientKind = {
  name: 'Android 5.1', userAgent: 'AnyConnect Android 5.1.15.344', agent: 'AnyConnect Android 5.1.15.344', version: '5.1.15.344', mobile: true, ios: false,
  connections: 'each', contentType: FORM, headers: identifier('android', '5.1.15.344', 'Pixel 8'),
  device: `<device-id device-type="Pixel 8" platform-version="14" unique-id="${HEX64.slice(24)}">android</device-id>`,
  staleGroup: undefined, tunnelHeaders: tunnelHeaders(true),
}
export const CISCO_CLIENTS: readonly CiscoClientKind[] = [WINDOWS, MACOS, IOS, ANDROID]
