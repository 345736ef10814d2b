import { headerOf, headersOf, type HeaderLine } from './http-exchange.ts'

/** Spellings that Cisco's clients compare by case. */
const KNOWN: readonly string[] = [
  'X-CSTP-Version', 'X-CSTP-Protocol', 'X-CSTP-Address', 'X-CSTP-Netmask', 'X-CSTP-Address-IP6', 'X-CSTP-Hostname', 'X-CSTP-Lease-Duration', 'X-CSTP-Session-Timeout',
  'X-CSTP-Session-Timeout-Alert-Interval', 'X-CSTP-Session-Timeout-Remaining', 'X-CSTP-Idle-Timeout', 'X-CSTP-DNS', 'X-CSTP-DNS-IP6', 'X-CSTP-NBNS', 'X-CSTP-Disconnected-Timeout',
  'X-CSTP-Split-Include', 'X-CSTP-Split-Exclude', 'X-CSTP-Split-Include-IP6', 'X-CSTP-Split-Exclude-IP6', 'X-CSTP-Split-DNS', 'X-CSTP-Default-Domain', 'X-CSTP-Keep', 'X-CSTP-Tunnel-All-DNS',
  'X-CSTP-DPD', 'X-CSTP-Keepalive', 'X-CSTP-Rekey-Time', 'X-CSTP-Rekey-Method', 'X-CSTP-Smartcard-Removal-Disconnect', 'X-CSTP-MTU', 'X-CSTP-Base-MTU', 'X-CSTP-License', 'X-CSTP-Banner',
  'X-CSTP-Client-Bypass-Protocol', 'X-CSTP-TCP-Keepalive', 'X-CSTP-Content-Encoding', 'X-CSTP-Post-Auth-XML', 'X-CSTP-Quarantine', 'X-CSTP-Disable-Always-On-VPN', 'X-CSTP-Routing-Filtering-Ignore',
  'X-DTLS-Session-ID', 'X-DTLS-App-ID', 'X-DTLS-Port', 'X-DTLS-Keepalive', 'X-DTLS-DPD', 'X-DTLS-MTU', 'X-DTLS-CipherSuite', 'X-DTLS12-CipherSuite', 'X-DTLS-Rekey-Time', 'X-DTLS-Rekey-Method',
  'X-DTLS-Content-Encoding', 'X-Transcend-Version',
]
const LISTS: readonly string[] = [
  'X-CSTP-DNS', 'X-CSTP-DNS-IP6', 'X-CSTP-NBNS', 'X-CSTP-Split-DNS', 'X-CSTP-Split-Include', 'X-CSTP-Split-Exclude', 'X-CSTP-Split-Include-IP6', 'X-CSTP-Split-Exclude-IP6',
]
/** Of a family (reference/cisco section 2.3). */
const MOST_NETWORKS = 2500
const MASK = /^(?:255\.){0,3}(?:255|254|252|248|240|224|192|128|0)(?:\.0){0,3}$/
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/

/** Everything in a CONNECT answer for which a Cisco client gives up (reference/cisco sections 3 and 7), one line each. */
export function connectProblems(headers: readonly HeaderLine[], client: { readonly mobile: boolean; readonly ios: boolean }): readonly string[] {
  const problems: string[] = []
  const seen = new Map<string, string>()
  const answer = { headers }
  const one = (name: string): string | undefined => headerOf(answer, name)
  for (const [name] of headers) {
    const known = KNOWN.find((candidate) => candidate.toLowerCase() === name.toLowerCase())
    if (known !== undefined && known !== name) problems.push(`casing: ${name} instead of ${known}`)
    if (known === undefined && /^x-(?:cstp|dtls)/i.test(name)) problems.push(`unknown: ${name}`)
    if (seen.has(name.toLowerCase()) && !LISTS.includes(name)) problems.push(`erroneously included multiple '${name}' HTTP fields`)
    seen.set(name.toLowerCase(), name)
  }
  if (one('X-CSTP-Version') !== '1') problems.push('VERSION')
  if (one('X-CSTP-Protocol') !== 'Copyright (c) 2004 Cisco Systems, Inc.') problems.push('COPYRIGHT_NOT_PRESENT')
  if (one('X-CSTP-Keep') !== 'true') problems.push('KEEP')
  if (!/^\d+$/.test(one('X-CSTP-Lease-Duration') ?? '')) problems.push('LEASE_DURATION')
  if (one('X-CSTP-Address') === undefined && one('X-CSTP-Address-IP6') === undefined) problems.push('ADDRESS')
  if (one('X-CSTP-Address') !== undefined && !validMask(one('X-CSTP-Netmask'))) problems.push('NETMASK')
  if (!['new-tunnel', 'ssl'].includes(one('X-CSTP-Rekey-Method') ?? '')) problems.push('BAD_REKEY_METHOD')
  if (!/^\d+$/.test(one('X-CSTP-MTU') ?? '')) problems.push('MTU')
  if (client.mobile && one('X-CSTP-License') !== 'accept') problems.push('NO_LICENSE_FROM_HEADEND')
  if (headersOf(answer, 'X-CSTP-DNS').some((server) => !IPV4.test(server))) problems.push('IPv6 in X-CSTP-DNS')
  for (const name of LISTS) {
    const values = headersOf(answer, name)
    if (new Set(values).size < values.length) problems.push(`${name} twice alike`)
    if (values.length > MOST_NETWORKS) problems.push(`${values.length} of ${name}`)
  }
  if (client.mobile && one('X-CSTP-Post-Auth-XML') !== undefined) problems.push('X-CSTP-Post-Auth-XML for a phone')
  if (/[\r\n]/.test(one('X-CSTP-Post-Auth-XML') ?? '')) problems.push('X-CSTP-Post-Auth-XML in several lines')
  for (const name of ['X-CSTP-Split-Include', 'X-CSTP-Split-Exclude']) {
    for (const network of headersOf(answer, name)) {
      const [base = '', mask] = network.split('/')
      if (!IPV4.test(base) || !validMask(mask)) problems.push(`INVALID_SPLIT_NETWORK ${network}`)
    }
  }
  if (client.ios && one('X-CSTP-Address-IP6') !== undefined) {
    if (!one('X-CSTP-Address-IP6')?.endsWith('/128')) problems.push('iOS: IPv6 address without /128')
    if (headersOf(answer, 'X-CSTP-Split-Include-IP6').length === 0) problems.push('iOS: IPv6 default route')
  }
  if (client.ios && one('X-CSTP-Netmask') === '255.255.255.255' && headersOf(answer, 'X-CSTP-Split-Include').length > 0) problems.push('iOS: split networks with a /32')
  return problems
}

const validMask = (mask: string | undefined): boolean => mask !== undefined && mask.split('.').length === 4 && MASK.test(mask)
