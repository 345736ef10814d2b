import { portFixture } from '../../plugins/anyconnect/testing.ts'

const fixture = portFixture()

/** Decrypted bytes of a stranger on the VPN port: the connection ends or waits, nothing of it stays, and the next is served. */
export async function run(bytes: Uint8Array): Promise<void> {
  const client = fixture.connect()
  client.wire.write(bytes)
  await fixture.plane.settled()
  client.wire.reset()
  await fixture.plane.settled()
  if (fixture.port.size !== 0) throw new Error(`${fixture.port.size} connections are left`)
  const next = await fixture.connect().request('GET', '/1/Windows', { Connection: 'close' })
  if (next?.status !== 200) throw new Error('the next client is not served')
}
