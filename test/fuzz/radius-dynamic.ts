import { Secret, type Clock, type Logger, type Session } from '../../core/api.ts'
import type { ServerConfig } from '../../plugins/auth-radius/config.ts'
import { COA_ATTRIBUTES, coaPolicy } from '../../plugins/auth-radius/coa-policy.ts'
import { DynamicAuthorization } from '../../plugins/auth-radius/dynamic-authorization.ts'
import { CODE, decodePacket, encodeRequest, MAX_PACKET, proveResponse } from '../../plugins/auth-radius/packet.ts'

const SECRET = Buffer.from('fuzz')
const server: ServerConfig = { name: 'a', host: '10.0.0.5', port: 1812, accountingPort: 1813, secret: new Secret('fuzz'), requireMessageAuthenticator: 'auto', tls: undefined }
const silent: Logger = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined, child: () => silent }
let time = 0
const clock: Clock = { now: () => 1_700_000_000_000, monotonic: () => (time += 1000), after: () => ({ cancel: () => undefined }) }
const session = { id: 'aaaa', user: 'bob', peer: '192.0.2.1:5', leases: { ipv4: { address: '10.66.0.2', prefix: 16 } }, ticket: 'x' } as unknown as Session
const dynamic = new DynamicAuthorization({
  audit: { record: () => undefined }, clock, log: silent,
  sessions: { get: (id) => (id === session.id ? session : undefined), list: () => [session], end: () => true, setAttributes: () => ({ changed: [], later: [] }) },
  serversAt: () => [server], nas: () => ({ identifier: 'gw1', isOwnAddress: (address) => address === '10.0.0.1' }),
  ticketOf: () => ({ user: 'bob', classes: [Buffer.from('staff')] }),
  policyOf: (found) => coaPolicy(found, { hasPool: () => false }), supported: (name) => COA_ATTRIBUTES.includes(name),
})
const ANSWERS: readonly number[] = [CODE.coaAck, CODE.coaNak, CODE.disconnectAck, CODE.disconnectNak]

/** As a stranger sends it, and as it would be of a server, whose authenticators are right: no answer, or one that the server believes. */
export function run(bytes: Uint8Array): void {
  dynamic.handle(bytes, '10.0.0.5')
  const packet = decodePacket(bytes)
  if (!packet) return
  for (const code of [CODE.coaRequest, CODE.disconnectRequest]) {
    const attributes = packet.attributes.filter(({ type }) => type !== 80)
    if (attributes.reduce((sum, { value }) => sum + 2 + value.length, 38) > MAX_PACKET) return
    const request = encodeRequest({ code, id: packet.id, attributes }, SECRET)
    const answer = dynamic.handle(request, '10.0.0.5')
    if (!answer) continue
    const read = decodePacket(answer)
    if (!read || read.id !== packet.id || !ANSWERS.includes(read.code) || proveResponse(read, request.subarray(4, 20), SECRET) !== 'signed') throw new Error('an answer that the server would not believe')
  }
}
