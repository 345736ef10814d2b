/** What a client may send; looked at before anything is parsed. The data plane takes 64 KiB in all (native/src/tls_context.cc). */
export const MAX_CERTIFICATES = 10
export const MAX_CERTIFICATE_BYTES = 16 * 1024
export const MAX_CHAIN_BYTES = 64 * 1024

/** Why a chain is not looked at, or undefined. */
export function chainProblem(chain: readonly Uint8Array[]): string | undefined {
  if (chain.length > MAX_CERTIFICATES) return `${chain.length} certificates; at most ${MAX_CERTIFICATES} are read`
  const largest = Math.max(0, ...chain.map(({ length }) => length))
  if (largest > MAX_CERTIFICATE_BYTES) return `a certificate of ${largest} bytes; at most ${MAX_CERTIFICATE_BYTES} are read`
  const total = chain.reduce((sum, { length }) => sum + length, 0)
  if (total > MAX_CHAIN_BYTES) return `certificates of ${total} bytes; at most ${MAX_CHAIN_BYTES} are read`
  return undefined
}
