import { attributePolicy } from '../../plugins/auth-radius/attribute-policy.ts'
import { flatten, nameOf, valuesOf } from '../../plugins/auth-radius/attributes.ts'
import { groupsOf } from '../../plugins/auth-radius/groups.ts'
import { readMsChapError } from '../../plugins/auth-radius/mschap.ts'
import { decodePacket, MAX_ATTRIBUTES, proveRandomRequest, proveRequest, proveResponse } from '../../plugins/auth-radius/packet.ts'
import { PacketFramer } from '../../plugins/auth-radius/packet-framer.ts'
import { replyText } from '../../plugins/auth-radius/reply-text.ts'

export const short = true

const SECRET = Buffer.from('a secret that the corpus was not made with')

/** Any datagram is refused or gives bounded values; nothing proves itself without the secret; a stream gives the same in any pieces. */
export function run(input: Uint8Array): void {
  const packet = decodePacket(input)
  if (packet) {
    if (packet.attributes.length > MAX_ATTRIBUTES || packet.bytes.length > 4096) throw new Error('beyond the bounds')
    if (proveRequest(packet, SECRET) || proveResponse(packet, packet.authenticator, SECRET) || proveRandomRequest(packet, SECRET) === 'signed') throw new Error('proved without the secret')
    const found = flatten(packet.attributes)
    for (const one of found) {
      const name = nameOf(one)
      if (name) valuesOf([one], name)
    }
    const { problems } = attributePolicy(found, { hasPool: () => false })
    if (problems.some((line) => line.length > 400 || /[\x00-\x1f\x7f]/.test(line))) throw new Error('a problem that a log should not have')
    if (groupsOf(found, 'class', () => true).length > 32) throw new Error('too many groups')
    if ((replyText(found) ?? '').length > 1000) throw new Error('a text that is too long')
    valuesOf(found, 'MS-CHAP-Error').forEach(readMsChapError)
  }
  asStream(Buffer.from(input.subarray(0, 5000)))
}

function asStream(bytes: Buffer): void {
  const whole = new PacketFramer().push(bytes)
  const framer = new PacketFramer()
  const pieces: string[] = []
  for (const byte of bytes) {
    const packets = framer.push(Buffer.from([byte]))
    if (!packets) {
      if (whole) throw new Error('refused in pieces alone')
      return
    }
    pieces.push(...packets.map((one) => one.toString('hex')))
  }
  if (!whole || whole.map((one) => one.toString('hex')).join() !== pieces.join()) throw new Error('other packets in pieces')
}
