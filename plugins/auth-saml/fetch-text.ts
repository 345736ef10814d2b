import { PeerError } from '../../core/api.ts'
import { decodeUtf8 } from './service-provider.ts'

const TIMEOUT_MS = 10_000

/** A small document over HTTPS. No redirects: the address that the operator has named is the one that is trusted. Throws PeerError. */
export async function fetchText(url: string, maxBytes: number): Promise<string> {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS), headers: { Accept: 'application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.1' } }).catch((error: unknown) => {
    // The cause says what happened: no such host, refused, an untrusted certificate.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    throw new PeerError('HTTP', `cannot be fetched: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  })
  if (!answer.ok || !answer.body) throw new PeerError('HTTP', `was not there: the server answered ${answer.status}`)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) throw new PeerError('HTTP', `is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return decodeUtf8(Buffer.concat(chunks))
}
