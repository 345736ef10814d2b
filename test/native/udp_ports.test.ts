// test: limit=60
import { createSocket, type Socket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDirectory } from '../../core/testing.ts'
import { DEFAULT_LIMITS, type ListenAddress, type OpenInfo } from '../../core/dataplane.ts'
import { DataPlaneError } from '../../core/errors.ts'
import { createDataPlane } from '../../native/index.ts'
import { certificate, context } from './certificates.ts'
import { insideOwnNamespace } from './namespace.ts'
import { Recorder } from './recorder.ts'

insideOwnNamespace(import.meta.url)
const plane = createDataPlane()
const tls = [context([], await certificate('vpn.example.com'))]
const lockDirectory = testDirectory()

const open = (listen: readonly ListenAddress[], udp: boolean): OpenInfo => plane.open({
  listen, device: 'ptu%d', addresses: ['10.212.0.1/24'], routes: [], mtu: 1400, workers: 1, lockDirectory, limits: DEFAULT_LIMITS, udp,
}, tls, new Recorder())

const taken = async (port: number): Promise<Socket> => {
  const socket = createSocket('udp4')
  await new Promise<void>((done) => socket.bind(port, '127.0.0.1', done))
  return socket
}

test('datagrams are taken on the ports of the TCP listeners, or on none', () => {
  const listen = [{ address: '127.0.0.1', port: 0 }, { address: '::1', port: 0 }]
  const both = open(listen, true)
  assert.is(both.udp.length, 2)
  assert.equal(both.udp, both.listeners)
  plane.stop()
  assert.equal(open(listen, false).udp, [])
  plane.stop()
})

test('a port whose datagrams are somebody else\'s is not chosen', async () => {
  writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '40000 40005')
  const others = await Promise.all([40000, 40001, 40002, 40003, 40005].map(taken))
  assert.equal(open([{ address: '127.0.0.1', port: 0 }], true).udp, [{ address: '127.0.0.1', port: 40004 }])
  plane.stop()
  for (const socket of others) socket.close()
})

test('a wanted port whose datagrams are taken is refused, and named', async () => {
  const other = await taken(41000)
  try {
    open([{ address: '127.0.0.1', port: 41000 }], true)
    assert.unreachable()
  } catch (error) {
    assert.instance(error, DataPlaneError)
    assert.is((error as DataPlaneError).errno, 'EADDRINUSE')
    assert.match((error as Error).message, '127.0.0.1:41000 (udp)')
  }
  other.close()
  assert.is(open([{ address: '127.0.0.1', port: 41000 }], true).udp[0]?.port, 41000)
  plane.stop()
})

test.run()
