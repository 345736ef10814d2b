/** The whole body of an answer with status 200. Throws one line for whatever else happens. */
export type Fetch = (url: string, request: { readonly body?: Uint8Array; readonly type?: string; readonly limitBytes: number; readonly limitMs: number }) => Promise<Uint8Array>

/** By node's own client: no redirects, bounded in bytes and time. */
export const boundedFetch: Fetch = async (url, { body, type, limitBytes, limitMs }) => {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET', redirect: 'error', signal: AbortSignal.timeout(limitMs),
    ...(body && { body: new Uint8Array(body), headers: { 'content-type': type ?? 'application/octet-stream' } }),
  })
  if (response.status !== 200 || !response.body) throw new Error(`${url} answers with status ${response.status}`)
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > limitBytes) throw new Error(`${url} answers with more than ${limitBytes} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}
