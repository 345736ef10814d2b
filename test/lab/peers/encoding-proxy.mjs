// A TLS proxy in front of the gateway that puts another offer of encodings into CONNECT: no client offers deflate alone.
//   encoding-proxy.mjs PORT CERTIFICATE KEY ENCODINGS
// A record in is a record out: clients want one frame in each.
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:tls'

const [, , port, certificate, key, encodings] = process.argv

function carry(from, to, change = (chunk) => chunk) {
  // Never two writes at once: they would leave as one record.
  from.on('data', (chunk) => {
    from.pause()
    to.write(change(chunk), () => from.resume())
  })
  from.on('end', () => to.end())
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroySoon())
}
const offer = (chunk) =>
  chunk.subarray(0, 8).toString() === 'CONNECT ' ? Buffer.from(chunk.toString('latin1').replace(/^X-CSTP-Accept-Encoding: .*$/m, `X-CSTP-Accept-Encoding: ${encodings}`), 'latin1') : chunk

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (near) => {
  const far = connect({ host: '127.0.0.1', port: 443, rejectUnauthorized: false })
  near.setNoDelay()
  far.setNoDelay()
  carry(near, far, offer)
  carry(far, near)
})
server.listen(Number(port), () => process.stdout.write('listening\n'))
