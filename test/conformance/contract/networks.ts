import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../../native/fake.ts'
import { pause, until } from '../../native/recorder.ts'
import { framesBehindHead, spec, type ContractClient, type ContractKit } from './rig.ts'

const DEVICE = { addresses: ['10.211.0.1/24', 'fd21:1::1/64'], routes: ['10.212.0.0/16', '10.212.7.0/24'] }
const received = (client: ContractClient): number => framesBehindHead(client).filter(({ type }) => type === FRAME.data).length

/** Networks behind clients: routes of the device, longest prefix, sources. */
export function networks({ withPlane, promoted }: ContractKit): void {
  withPlane('G09 a network behind a client: the kernel gives what it has a route for, and the longest prefix gets it', async (open) => {
    assert.equal(open.plane.configureDevice(DEVICE), [])
    const wide = await promoted(open, { ...spec, networks: ['10.212.0.0/16', 'fd22::/48'] })
    const narrow = await promoted(open, { ...spec, ipv4: '10.211.0.6', ipv6: 'fd21:1::6', networks: ['10.212.7.0/24'] })
    open.toClient('10.212.1.1')
    await until(() => received(wide.client) === 1, 'the packet of the wide network')
    open.toClient('10.212.7.1')
    await until(() => received(narrow.client) === 1, 'the packet of the narrow one')
    open.toClient('10.211.0.6')
    await until(() => received(narrow.client) === 2, 'the packet of its own address')
    assert.is(received(wide.client), 1)
    open.plane.updateTunnel(narrow.tunnel, { ...spec, ipv4: '10.211.0.6', ipv6: 'fd21:1::6' })
    await pause(50)
    open.toClient('10.212.7.1')
    await until(() => received(wide.client) === 2, 'what nobody has more exactly')
    const before = open.plane.stats().noRoute
    open.plane.drop(wide.tunnel, 'disconnect', '')
    await pause(50)
    open.toClient('10.212.7.1')
    await until(() => open.plane.stats().noRoute > before, 'nobody')
  })

  withPlane('G09 a client may speak for the networks behind it and for no other, also when they change', async (open) => {
    const { client, tunnel } = await promoted(open, { ...spec, networks: ['10.212.0.0/20', 'fd22:0:0:8::/61'] })
    const send = (source: string): void => client.write(frame(FRAME.data, packet(source, source.includes(':') ? 'fd21:1::1' : '10.211.0.1', 'x')))
    for (const source of ['10.212.0.0', '10.212.15.255', 'fd22:0:0:f:ffff::1', '10.211.0.5']) send(source)
    for (const foreign of ['10.212.16.0', '10.211.255.255', 'fd22:0:0:10::', 'fd22::1']) send(foreign)
    await until(() => open.plane.tunnelCounters(tunnel)?.rxSpoofed === 4n, 'the foreign ones')
    assert.is(open.plane.tunnelCounters(tunnel)?.rxPackets, 4n)
    open.plane.updateTunnel(tunnel, { ...spec, networks: ['10.213.0.0/16'] })
    await pause(50)
    send('10.212.0.1')
    send('10.213.0.1')
    await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === 5n, 'the new network')
    assert.is(open.plane.tunnelCounters(tunnel)?.rxSpoofed, 5n)
  })
}
