// A RADIUS server that lets everybody in after so many milliseconds, as one does that rings a telephone first. On UDP until SIGTERM.
//   radius-server.ts PORT SECRET HOLD-MS
// Prints `ready` and at the end one JSON line: by user how long it had the request (ms), and how many it had at once at the most.
import { createSocket } from 'node:dgram'
import { flatten, valueOf } from '../../../plugins/auth-radius/attributes.ts'
import { CODE, decodePacket, encodeResponse } from '../../../plugins/auth-radius/packet.ts'

const [, , port = '1812', secret = '', holdMs = '0'] = process.argv
const key = Buffer.from(secret)
const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
const held: Record<string, number> = {}
/** Requests by client and authenticator: what is sent again is no other one. */
const seen = new Set<string>()
let [now, most] = [0, 0]
socket.on('message', (bytes, peer) => {
  const came = performance.now()
  const request = decodePacket(bytes)
  const which = `${peer.port} ${request?.authenticator.toString('hex')}`
  if (request?.code !== CODE.accessRequest || seen.has(which)) return
  seen.add(which)
  most = Math.max(most, ++now)
  const user = valueOf(flatten(request.attributes), 'User-Name') ?? ''
  setTimeout(() => {
    now--
    const answer = encodeResponse(request, { code: CODE.accessAccept, attributes: [] }, key)
    held[user] = performance.now() - came
    socket.send(answer, peer.port, peer.address)
  }, Number(holdMs))
})
process.on('SIGTERM', () => void process.stdout.write(`${JSON.stringify({ held, most })}\n`, () => process.exit(0)))
socket.bind(Number(port), () => process.stdout.write('ready\n'))
