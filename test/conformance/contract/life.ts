import * as assert from 'uvu/assert'
import type { TlsContextSpec } from '../../../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../../../core/dataplane.ts'
import { DataPlaneError } from '../../../core/errors.ts'
import { pause, Recorder, until } from '../../native/recorder.ts'
import { framesBehindHead, type ContractKit } from './rig.ts'

/** Handlers that throw, contexts that do not fit, stop and reopen. */
export function life({ makeRig, withPlane, promotion, promoted }: ContractKit): void {
  withPlane('an exception in a handler is reported and the next event still comes', async ({ seen, connect }) => {
    const reported: unknown[] = []
    const report = (error: unknown): void => void reported.push(error)
    process.on('uncaughtException', report)
    try {
      seen.onConnection = () => { throw new Error('thrown in a handler') }
      const { client, connection } = await connect()
      client.write('still here')
      await until(() => connection.lastSeq === 1 && reported.length === 1, 'the chunk and the report')
    } finally {
      process.off('uncaughtException', report)
    }
  })

  withPlane('every thread tells that it lives, asked again and again; nothing lives behind the stop', async ({ plane }) => {
    assert.ok(plane.alive())
    for (let time = 0; time < 3; time++) await until(() => plane.alive(), 'all threads')
    plane.stop()
    assert.not.ok(plane.alive())
  })

  withPlane('contexts that do not fit are refused and the old ones stay', async ({ plane, connect }) => {
    const rig = await makeRig()
    const refused = (contexts: readonly TlsContextSpec[]): string => {
      try {
        plane.configureTls(contexts)
      } catch (error) {
        if (error instanceof DataPlaneError) return error.errno
        throw error
      }
      return 'accepted'
    }
    assert.is(refused(rig.mismatched), 'ERR_TLS_KEY_MISMATCH')
    const junk = { chainPem: 'no PEM', keyPem: 'no PEM' }
    assert.is(refused([{ serverNames: [], certificates: [junk], requestClientCertificate: false }]), 'ERR_TLS_PEM')
    assert.is(refused([]), 'ERR_TLS_PEM')
    await connect()
    assert.is(refused(rig.contexts), 'accepted')
    await connect()
  })

  withPlane('stop ends what lives, once, before it returns; twice is harmless', async (open) => {
    const { plane, seen, connect } = open
    const { tunnel } = await promoted(open)
    const granted = await connect()
    seen.onData = () => false
    const waiting = await connect()
    waiting.client.write('x')
    await until(() => waiting.connection.lastSeq === 1, 'the chunk')
    const closing = await connect()
    closing.client.pause()
    plane.write(closing.connection.info.handle, Buffer.alloc(16 * 1024 * 1024), false)
    plane.end(closing.connection.info.handle)
    const promoting = await connect()
    promoting.client.write('CONNECT')
    await until(() => promoting.connection.lastSeq === 1, 'the request')
    const ask = promotion(promoting.connection)
    plane.promote(ask)
    plane.stop()
    assert.is(seen.down.get(tunnel)?.[0]?.reason, 'stopped')
    assert.is(seen.down.get(ask.tunnel)?.length, 1)
    assert.is(seen.down.get(ask.tunnel)?.[0]?.reason, 'stopped')
    for (const { connection } of [granted, waiting, closing]) assert.is.not(connection.closed, 'no')
    const told = seen.order.length
    plane.stop()
    plane.write(granted.connection.info.handle, Buffer.from('x'), true)
    plane.promote(promotion(granted.connection))
    plane.drop(tunnel, 'disconnect', '')
    assert.is(plane.tunnelCounters(tunnel), undefined)
    await pause(50)
    assert.is(seen.order.length, told, 'nothing comes after stop')
    assert.equal(framesBehindHead(granted.client), [], 'no DISCONNECT: clients come back')
  })

  withPlane('a plane that is open is not opened again, and after stop it is', async ({ plane, info, seen, connect }) => {
    const rig = await makeRig()
    const again = { listen: [{ address: '127.0.0.1', port: 0 }], device: 'ptc%d', addresses: ['10.212.0.1/24'], routes: [], mtu: 1400, workers: 1, lockDirectory: rig.lockDirectory, limits: DEFAULT_LIMITS }
    try {
      plane.open(again, rig.contexts, seen)
      assert.unreachable('a second open must be refused')
    } catch (error) {
      assert.ok(error instanceof DataPlaneError && error.errno === 'EBUSY', String(error))
    }
    await connect()
    plane.stop()
    const reopened = new Recorder()
    const second = plane.open({ ...again, listen: [{ address: '127.0.0.1', port: info.listeners[0]?.port ?? 0 }] }, rig.contexts, reopened)
    assert.is(second.listeners[0]?.port, info.listeners[0]?.port)
    await rig.connect(plane, second)
    await until(() => reopened.connections.size === 1, 'a connection')
  })
}
