import { readConnectRequest } from '../../plugins/anyconnect/connect-request.ts'
import { parseRequestHead } from '../../plugins/anyconnect/request-head.ts'
import { MAX_OFFERED } from '../../plugins/dtls/dtls-request.ts'
import { answerTo, connectRequest, directory } from '../../plugins/dtls/testing.ts'

const home = directory()
/** What an answer's header may hold: nothing of the client's goes back but names that we know. */
const NAME_AND_VALUE = /^X-DTLS[0-9A-Za-z-]*: [0-9A-Za-z_-]+$/

export const short = true

/** The headers of CONNECT, from anybody with a cookie: an answer of ours in any case, and a secret only where it was asked for. */
export function run(bytes: Uint8Array): void {
  const head = parseRequestHead(Buffer.from(bytes).toString('latin1'))
  if (!head) return
  const { connection } = connectRequest({})
  const request = readConnectRequest(head.headers, connection)
  const { headers, offer } = answerTo({ ...request, connection }, { directory: home })
  for (const [name, value] of headers) if (!NAME_AND_VALUE.test(`${name}: ${value}`)) throw new Error(`answered ${JSON.stringify([name, value])}`)
  if ((offer === undefined) !== (headers.length === 0)) throw new Error('headers without an offer, or an offer without headers')
  if (offer === undefined) return
  if (offer.id.length !== 32 || offer.ciphers.length === 0) throw new Error('an offer that no handshake can find')
  if ((offer.mode === 'resumed') !== (offer.masterSecret?.length === 48)) throw new Error(`${offer.mode} with a secret of ${offer.masterSecret?.length} bytes`)
  const offered = ['x-dtls-ciphersuite', 'x-dtls12-ciphersuite'].flatMap((name) => (head.headers.get(name) ?? []).join(':').split(':').slice(0, MAX_OFFERED).map((text) => text.trim()))
  const [, chosen = ''] = headers.find(([name]) => name.endsWith('CipherSuite')) ?? []
  if (!offered.includes(chosen)) throw new Error(`chose ${chosen}, which was not offered`)
}
