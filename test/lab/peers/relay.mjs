// Lends a namespace's network to the test process: listens on a unix socket, whose first line names ADDRESS PORT, and
// carries the bytes both ways, half-closes and resets included.
//   relay.mjs PATH
import { connect, createServer } from 'node:net'

const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
  near.on('error', () => near.destroy())
  near.once('data', (first) => {
    near.pause()
    const end = first.indexOf(10)
    const [address, port] = first.subarray(0, end).toString().split(' ')
    const far = connect({ host: address, port: Number(port), allowHalfOpen: true, noDelay: true })
    far.on('error', () => near.destroy())
    far.once('connect', () => {
      near.write('+')
      if (first.length > end + 1) far.write(first.subarray(end + 1))
      near.pipe(far)
      far.pipe(near)
    })
    near.once('close', () => (near.readableEnded ? far.destroySoon() : far.resetAndDestroy()))
    far.once('close', () => near.destroySoon())
  })
  near.resume()
})
server.listen(process.argv[2], () => process.stdout.write('listening\n'))
