import { readFileSync } from 'node:fs'
import { X509Certificate } from 'node:crypto'
import type { AuthContext } from '../../core/api.ts'

/** DER of PEM files, in their order. */
export const der = (...files: readonly string[]): readonly Uint8Array[] => files.map((file) => new X509Certificate(readFileSync(file)).raw)

export const contextWith = (certificates: readonly Uint8Array[], over: Partial<AuthContext> = {}): AuthContext => ({
  peer: '198.51.100.7', group: 'staff', origin: 'https://vpn.example', userAgent: 'test', capabilities: [], certificates, certificateMissing: false, ...over,
})
