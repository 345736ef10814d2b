// A checked transfer over TCP; runs inside a namespace.
//   transfer.mjs serve PORT
//   transfer.mjs up|down ADDRESS PORT BYTES SEED     prints {"bytes":…,"sha256":…,"ms":…}, exit 1 when the sums differ
// Both sides make the same stream from the seed, so that a sum proves every byte and its place. A seed that begins with `lines`
// makes one that can be compressed.
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const CHUNK = Buffer.alloc(65_536)
const LINE = Buffer.from(' GET /articles/list.html HTTP/1.1 200 text/html www.example.com\n')

function* stream(seed, bytes) {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16)
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  const change = seed.startsWith('lines') ? lines : (chunk) => chunk
  for (let left = bytes; left > 0; left -= CHUNK.length) yield change(cipher.update(CHUNK.subarray(0, Math.min(left, CHUNK.length))))
}
/** Eight octets of each line stay as they are. */
function lines(chunk) {
  for (let at = 0; at < chunk.length; at += LINE.length) LINE.copy(chunk, at, 8)
  return chunk
}
function expected(seed, bytes) {
  const hash = createHash('sha256')
  for (const chunk of stream(seed, bytes)) hash.update(chunk)
  return hash.digest('hex')
}
async function send(socket, seed, bytes) {
  for (const chunk of stream(seed, bytes)) {
    if (socket.destroyed) return
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
  }
}
/** Reads one line, leaves the rest in the socket. */
async function line(socket) {
  let head = Buffer.alloc(0)
  for (;;) {
    const chunk = socket.read()
    if (chunk === null) {
      await Promise.race([once(socket, 'readable'), once(socket, 'close')])
      if (socket.destroyed) throw new Error('closed before a line came')
      continue
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf(10)
    if (end < 0) continue
    socket.unshift(head.subarray(end + 1))
    return head.subarray(0, end).toString()
  }
}
async function receive(socket, bytes) {
  const hash = createHash('sha256')
  let got = 0
  for await (const chunk of socket) {
    hash.update(chunk)
    got += chunk.length
    if (got >= bytes) break
  }
  return { bytes: got, sha256: hash.digest('hex') }
}

const [, , mode, ...rest] = process.argv
if (mode === 'serve') {
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on('error', (error) => process.stderr.write(`${error.message}\n`))
    try {
      const [way, bytes, seed] = (await line(socket)).split(' ')
      if (way === 'down') {
        await send(socket, seed, Number(bytes))
        socket.end()
      } else {
        const hash = createHash('sha256')
        let got = 0
        for await (const chunk of socket) {
          hash.update(chunk)
          got += chunk.length
          if (got >= Number(bytes)) socket.end(`${JSON.stringify({ bytes: got, sha256: hash.copy().digest('hex') })}\n`)
        }
      }
    } catch (error) {
      socket.destroy()
      process.stderr.write(`${error.message}\n`)
    }
  })
  server.listen(Number(rest[0]), '::', () => process.stdout.write('listening\n'))
} else {
  const [address, port, bytes, seed] = rest
  const started = Date.now()
  const socket = connect({ host: address, port: Number(port), allowHalfOpen: true })
  await once(socket, 'connect')
  socket.write(`${mode} ${bytes} ${seed}\n`)
  let result
  if (mode === 'up') {
    await send(socket, seed, Number(bytes))
    result = JSON.parse(await line(socket))
    socket.end()
  } else {
    result = await receive(socket, Number(bytes))
    socket.destroy()
  }
  const good = result.bytes === Number(bytes) && result.sha256 === expected(seed, Number(bytes))
  process.stdout.write(`${JSON.stringify({ ...result, ms: Date.now() - started })}\n`)
  process.exitCode = good ? 0 : 1
}
