// Sends UDP datagrams that nobody answers, 20,000 a second at most: more would overrun the device behind them.
//   flood.mjs ADDRESS COUNT SIZE
import { createSocket } from 'node:dgram'

const [, , address, count, size] = process.argv
const socket = createSocket('udp4')
const payload = Buffer.alloc(Number(size))
socket.connect(9, address, () => {
  let left = Number(count)
  const burst = () => {
    for (let index = 0; index < 20 && left > 0; index++, left--) socket.send(payload, () => undefined)
    if (left > 0) setTimeout(burst, 1)
    else socket.close()
  }
  burst()
})
// Refusals by ICMP do not matter.
socket.on('error', () => undefined)
