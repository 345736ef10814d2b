/** A cipher suite in the spelling of the CONNECT headers, which is that of `ciphers` in the configuration. */
export interface Suite {
  readonly name: string
  /** Where clients offer it and gateways choose it; `psk` suites are settled in the handshake. */
  readonly header: 'psk' | 'X-DTLS12-CipherSuite' | 'X-DTLS-CipherSuite'
  readonly kind: 'aes256-gcm' | 'aes128-gcm' | 'chacha20' | 'aes-cbc'
  /** OpenSSL's name of what goes over the wire. */
  readonly cipher: string
  /** Most bytes that a record adds to its plaintext: header 13, nonce or IV, tag or MAC, padding (reference/protocol section 7.3). */
  readonly overhead: number
}

const GCM = 13 + 8 + 16
const CHACHA20 = 13 + 16
const cbc = (mac: number): number => 13 + 16 + mac + 16

const psk = (name: string, kind: Suite['kind'], overhead: number): Suite => ({ name, header: 'psk', kind, cipher: name, overhead })
const dtls12 = (name: string, kind: Suite['kind'], overhead: number): Suite => ({ name, header: 'X-DTLS12-CipherSuite', kind, cipher: name, overhead })
const old = (name: string, kind: Suite['kind'], cipher: string): Suite => ({ name, header: 'X-DTLS-CipherSuite', kind, cipher, overhead: GCM })

/**
 * Every suite the gateway can serve, best first where the processor has AES. The key exchange in a name means nothing for a
 * resumed session; ECDSA names are left out because openconnect knows none (reference/cisco section 5), and so is what
 * X-DTLS-CipherSuite calls by plain names: that is DTLS 0.9 (reference/protocol section 9.1).
 */
export const SUITES: readonly Suite[] = [
  psk('PSK-AES256-GCM-SHA384', 'aes256-gcm', GCM),
  psk('PSK-AES128-GCM-SHA256', 'aes128-gcm', GCM),
  psk('PSK-CHACHA20-POLY1305', 'chacha20', CHACHA20),
  dtls12('ECDHE-RSA-AES256-GCM-SHA384', 'aes256-gcm', GCM),
  dtls12('DHE-RSA-AES256-GCM-SHA384', 'aes256-gcm', GCM),
  dtls12('AES256-GCM-SHA384', 'aes256-gcm', GCM),
  dtls12('ECDHE-RSA-AES128-GCM-SHA256', 'aes128-gcm', GCM),
  dtls12('DHE-RSA-AES128-GCM-SHA256', 'aes128-gcm', GCM),
  dtls12('AES128-GCM-SHA256', 'aes128-gcm', GCM),
  dtls12('ECDHE-RSA-CHACHA20-POLY1305', 'chacha20', CHACHA20),
  old('OC-DTLS1_2-AES256-GCM', 'aes256-gcm', 'AES256-GCM-SHA384'),
  old('OC-DTLS1_2-AES128-GCM', 'aes128-gcm', 'AES128-GCM-SHA256'),
  dtls12('ECDHE-RSA-AES256-SHA384', 'aes-cbc', cbc(48)),
  dtls12('ECDHE-RSA-AES128-SHA256', 'aes-cbc', cbc(32)),
  dtls12('DHE-RSA-AES256-SHA256', 'aes-cbc', cbc(32)),
  dtls12('DHE-RSA-AES128-SHA256', 'aes-cbc', cbc(32)),
  dtls12('AES256-SHA256', 'aes-cbc', cbc(32)),
  dtls12('AES128-SHA256', 'aes-cbc', cbc(32)),
  dtls12('DHE-RSA-AES256-SHA', 'aes-cbc', cbc(20)),
  dtls12('DHE-RSA-AES128-SHA', 'aes-cbc', cbc(20)),
  dtls12('AES256-SHA', 'aes-cbc', cbc(20)),
  dtls12('AES128-SHA', 'aes-cbc', cbc(20)),
]

const IN_SOFTWARE: readonly Suite['kind'][] = ['chacha20', 'aes128-gcm', 'aes256-gcm', 'aes-cbc']

/** The gateway's order: as configured, else by the processor. Without AES in hardware ChaCha20 comes first and the shorter key before the longer. */
export function suiteOrder(configured: readonly string[], aesIsFast: boolean): readonly Suite[] {
  if (configured.length > 0) return configured.map(suiteNamed).filter((suite) => suite !== undefined)
  return aesIsFast ? SUITES : SUITES.map((suite, at) => ({ suite, rank: rank(suite), at })).sort((a, b) => a.rank - b.rank || a.at - b.at).map(({ suite }) => suite)
}
export const suiteNamed = (name: string): Suite | undefined => SUITES.find((suite) => suite.name === name)

// Newer header before older, CBC last, as in the table.
const rank = ({ header, kind }: Suite): number =>
  (kind === 'aes-cbc' ? 100 : header === 'psk' ? 0 : header === 'X-DTLS12-CipherSuite' ? 10 : 20) + IN_SOFTWARE.indexOf(kind)

/** What a client that says FIPS may get (reference/protocol section 10). */
export const isApproved = ({ kind }: Suite): boolean => kind === 'aes256-gcm' || kind === 'aes128-gcm'
