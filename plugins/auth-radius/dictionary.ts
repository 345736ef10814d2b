/** How the value of an attribute is written. `prefix`: RFC 3162 section 2.3 (IPv6) or RFC 6572 (IPv4). */
export type ValueKind = 'text' | 'octets' | 'integer' | 'date' | 'ipv4' | 'ipv6' | 'prefix'
export interface AttributeDefinition<K extends ValueKind = ValueKind> {
  /** SMI number of the vendor. */
  readonly vendor?: number
  readonly type: number
  readonly kind: K
}

export const VENDOR = { microsoft: 311, cisco: 9, ascend: 529, wispr: 14122, mikrotik: 14988, roaringPenguin: 10055, asa: 3076 } as const
const { microsoft, cisco, ascend, wispr, mikrotik, roaringPenguin, asa } = VENDOR

/** What this gateway sends or understands, by the names that dictionaries of RADIUS servers have. */
export const DICTIONARY = {
  // RFC 2865
  'User-Name': { type: 1, kind: 'text' },
  'User-Password': { type: 2, kind: 'octets' },
  'NAS-IP-Address': { type: 4, kind: 'ipv4' },
  'NAS-Port': { type: 5, kind: 'integer' },
  'Service-Type': { type: 6, kind: 'integer' },
  'Framed-Protocol': { type: 7, kind: 'integer' },
  'Framed-IP-Address': { type: 8, kind: 'ipv4' },
  'Framed-IP-Netmask': { type: 9, kind: 'ipv4' },
  'Filter-Id': { type: 11, kind: 'text' },
  'Reply-Message': { type: 18, kind: 'text' },
  'Framed-Route': { type: 22, kind: 'text' },
  'State': { type: 24, kind: 'octets' },
  'Class': { type: 25, kind: 'octets' },
  'Session-Timeout': { type: 27, kind: 'integer' },
  'Idle-Timeout': { type: 28, kind: 'integer' },
  'Termination-Action': { type: 29, kind: 'integer' },
  'Called-Station-Id': { type: 30, kind: 'text' },
  'Calling-Station-Id': { type: 31, kind: 'text' },
  'NAS-Identifier': { type: 32, kind: 'text' },
  'Proxy-State': { type: 33, kind: 'octets' },
  'NAS-Port-Type': { type: 61, kind: 'integer' },
  'Port-Limit': { type: 62, kind: 'integer' },
  // RFC 2866, RFC 2869
  'Acct-Status-Type': { type: 40, kind: 'integer' },
  'Acct-Delay-Time': { type: 41, kind: 'integer' },
  'Acct-Input-Octets': { type: 42, kind: 'integer' },
  'Acct-Output-Octets': { type: 43, kind: 'integer' },
  'Acct-Session-Id': { type: 44, kind: 'text' },
  'Acct-Authentic': { type: 45, kind: 'integer' },
  'Acct-Session-Time': { type: 46, kind: 'integer' },
  'Acct-Input-Packets': { type: 47, kind: 'integer' },
  'Acct-Output-Packets': { type: 48, kind: 'integer' },
  'Acct-Terminate-Cause': { type: 49, kind: 'integer' },
  'Acct-Multi-Session-Id': { type: 50, kind: 'text' },
  'Acct-Input-Gigawords': { type: 52, kind: 'integer' },
  'Acct-Output-Gigawords': { type: 53, kind: 'integer' },
  'Event-Timestamp': { type: 55, kind: 'date' },
  'Acct-Interim-Interval': { type: 85, kind: 'integer' },
  'Prompt': { type: 76, kind: 'integer' },
  'Connect-Info': { type: 77, kind: 'text' },
  'NAS-Port-Id': { type: 87, kind: 'text' },
  'Framed-Pool': { type: 88, kind: 'text' },
  'Chargeable-User-Identity': { type: 89, kind: 'octets' },
  // RFC 3162, RFC 4818, RFC 6911
  'NAS-IPv6-Address': { type: 95, kind: 'ipv6' },
  'Framed-IPv6-Prefix': { type: 97, kind: 'prefix' },
  'Framed-IPv6-Route': { type: 99, kind: 'text' },
  'Framed-IPv6-Pool': { type: 100, kind: 'text' },
  'Delegated-IPv6-Prefix': { type: 123, kind: 'prefix' },
  'Framed-IPv6-Address': { type: 168, kind: 'ipv6' },
  'DNS-Server-IPv6-Address': { type: 169, kind: 'ipv6' },
  'Route-IPv6-Information': { type: 170, kind: 'prefix' },
  // RFC 5176
  'Error-Cause': { type: 101, kind: 'integer' },
  // RFC 2548
  'MS-CHAP-Error': { vendor: microsoft, type: 2, kind: 'octets' },
  'MS-CHAP-NT-Enc-PW': { vendor: microsoft, type: 6, kind: 'octets' },
  'MS-CHAP-Challenge': { vendor: microsoft, type: 11, kind: 'octets' },
  'MS-CHAP2-Response': { vendor: microsoft, type: 25, kind: 'octets' },
  'MS-CHAP2-Success': { vendor: microsoft, type: 26, kind: 'octets' },
  'MS-CHAP2-CPW': { vendor: microsoft, type: 27, kind: 'octets' },
  'MS-Primary-DNS-Server': { vendor: microsoft, type: 28, kind: 'ipv4' },
  'MS-Secondary-DNS-Server': { vendor: microsoft, type: 29, kind: 'ipv4' },
  'MS-Primary-NBNS-Server': { vendor: microsoft, type: 30, kind: 'ipv4' },
  'MS-Secondary-NBNS-Server': { vendor: microsoft, type: 31, kind: 'ipv4' },
  // Vendors
  'Cisco-AVPair': { vendor: cisco, type: 1, kind: 'text' },
  'Ascend-Client-Primary-DNS': { vendor: ascend, type: 135, kind: 'ipv4' },
  'Ascend-Client-Secondary-DNS': { vendor: ascend, type: 136, kind: 'ipv4' },
  'WISPr-Bandwidth-Max-Up': { vendor: wispr, type: 7, kind: 'integer' },
  'WISPr-Bandwidth-Max-Down': { vendor: wispr, type: 8, kind: 'integer' },
  'Mikrotik-Rate-Limit': { vendor: mikrotik, type: 8, kind: 'text' },
  'RP-Upstream-Speed-Limit': { vendor: roaringPenguin, type: 1, kind: 'integer' },
  'RP-Downstream-Speed-Limit': { vendor: roaringPenguin, type: 2, kind: 'integer' },
  'RP-Max-Sessions-Per-User': { vendor: roaringPenguin, type: 5, kind: 'integer' },
  'ASA-Simultaneous-Logins': { vendor: asa, type: 2, kind: 'integer' },
  'ASA-Primary-DNS': { vendor: asa, type: 5, kind: 'ipv4' },
  'ASA-Secondary-DNS': { vendor: asa, type: 6, kind: 'ipv4' },
  'ASA-Primary-WINS': { vendor: asa, type: 7, kind: 'ipv4' },
  'ASA-Secondary-WINS': { vendor: asa, type: 8, kind: 'ipv4' },
  'ASA-Banner1': { vendor: asa, type: 15, kind: 'text' },
  'ASA-Group-Policy': { vendor: asa, type: 25, kind: 'text' },
  'ASA-IPsec-Default-Domain': { vendor: asa, type: 28, kind: 'text' },
  'ASA-IPsec-Split-DNS-Names': { vendor: asa, type: 29, kind: 'text' },
  'ASA-Banner2': { vendor: asa, type: 36, kind: 'text' },
  'ASA-Tunnel-Group-Name': { vendor: asa, type: 146, kind: 'text' },
} as const satisfies Readonly<Record<string, AttributeDefinition>>

export type AttributeName = keyof typeof DICTIONARY
export type KindOf<N extends AttributeName> = (typeof DICTIONARY)[N]['kind']
