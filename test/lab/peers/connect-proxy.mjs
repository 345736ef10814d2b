// An HTTP proxy that does CONNECT and nothing else, and says for whom.
//   connect-proxy.mjs ADDRESS PORT
import { createServer } from 'node:http'
import { connect } from 'node:net'

const server = createServer((_, answer) => answer.writeHead(405).end())
server.on('connect', (request, near, head) => {
  const { hostname, port } = new URL(`http://${request.url}`)
  process.stdout.write(`CONNECT ${request.url}\n`)
  const far = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 443 }, () => {
    near.write('HTTP/1.1 200 Connection established\r\n\r\n')
    far.write(head)
    near.pipe(far).pipe(near)
  })
  for (const [one, other] of [[near, far], [far, near]]) one.on('error', () => other.destroy()).on('close', () => other.destroy())
})
server.listen(Number(process.argv[3]), process.argv[2], () => process.stdout.write('listening\n'))
