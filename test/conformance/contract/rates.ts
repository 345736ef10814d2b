import * as assert from 'uvu/assert'
import { frame, FRAME, packet } from '../../../native/fake.ts'
import { pause, until } from '../../native/recorder.ts'
import { framesBehindHead, spec, type ContractKit } from './rig.ts'

/** Rates of tunnels. What they let through is in `native/test/shaper_test.cc` and, with real clients, in `rates.test.ts`. */
export function rates({ withPlane, promoted }: ContractKit): void {
  withPlane('G09 a tunnel with rates carries packets both ways, alone and shared, also when they change', async (open) => {
    const shares = [{ id: 1, rateUp: 1_000_000, rateDown: 1_000_000 }, { id: 2, rateUp: 0, rateDown: 2_000_000_000_000 }]
    const { client, tunnel } = await promoted(open, { ...spec, rateUp: 1_000_000, rateDown: 500_000, shares })
    const carried = async (packets: number): Promise<void> => {
      open.toClient('10.211.0.5')
      client.write(frame(FRAME.data, packet('10.211.0.5', '10.211.0.1', 'x')))
      await until(() => framesBehindHead(client).filter(({ type }) => type === FRAME.data).length === packets, 'down')
      await until(() => open.plane.tunnelCounters(tunnel)?.rxPackets === BigInt(packets), 'up')
    }
    await carried(1)
    open.plane.updateTunnel(tunnel, { ...spec, rateDown: 100_000, shares: [{ id: 1, rateUp: 1, rateDown: 1 }] })
    open.plane.updateTunnel(tunnel, spec)
    await pause(20)
    await carried(2)
    assert.is(open.plane.stats().rxDropped, 0n)
  })
}
