/**
 * The adversary of border section 5: `node promote_client.ts PORT CONNECTIONS FRAMES AT_ONCE SEED`. Each connection sends
 * CONNECT and then one-record frames at random gaps, then DISCONNECT, and waits for the gateway to close. Prints
 * how many ended that way, and how many of those saw the head of the answer first.
 */
import { frame, FRAME, packet } from '../../native/fake_frames.ts'
import { random } from './random.ts'
import { pause } from './recorder.ts'
import { TlsClient } from './tls_client.ts'

const [port = 0, connections = 0, frames = 0, atOnce = 0, seed = 1] = process.argv.slice(2).map(Number)
const next = random(seed)
let finished = 0
let headFirst = 0
let at = 0

async function one(index: number): Promise<void> {
  const address = `10.216.${index >> 8}.${index & 255}`
  const client = await TlsClient.connect(port)
  client.write(`CONNECT /CSCOSSLC/tunnel/${index} HTTP/1.1\r\n\r\n`)
  for (let i = 0; i < frames; i++) {
    const gap = next()
    if (gap > 0.6) await pause(4 * next())
    else if (gap > 0.3) await new Promise((done) => setImmediate(done))
    client.write(frame(FRAME.data, packet(address, '10.216.255.1', `frame ${i}`)))
  }
  client.write(frame(FRAME.disconnect, Buffer.from([0xb0])))
  const end = performance.now() + 10_000
  while (!client.ended && performance.now() < end) await pause(2)
  if (client.ended) finished++
  if (client.received().subarray(0, 12).toString() === 'HTTP/1.1 200') headFirst++
  client.destroy()
}

await Promise.all(Array.from({ length: atOnce }, async () => {
  while (at < connections) await one(++at)
}))
process.stdout.write(JSON.stringify({ finished, headFirst }))
