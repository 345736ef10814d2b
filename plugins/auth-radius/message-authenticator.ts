import { createHmac } from 'node:crypto'

/** Type of the attribute (RFC 3579 section 3.2). */
export const MESSAGE_AUTHENTICATOR = 80

/**
 * HMAC-MD5 over a whole packet whose own value at `at` counts as zeros. In the header stands what the packet's kind demands: the
 * random authenticator of an Access-Request, the request's own in an answer, zeros in a CoA-Request.
 */
export const messageAuthenticator = (packet: Uint8Array, at: number, secret: Uint8Array): Buffer =>
  createHmac('md5', secret).update(packet.subarray(0, at)).update(ZEROS).update(packet.subarray(at + ZEROS.length)).digest()
const ZEROS = Buffer.alloc(16)
