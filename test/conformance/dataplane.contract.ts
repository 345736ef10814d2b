/** What every data plane promises (core/dataplane.ts, reference border section 5). Runs against the fake and the addon. */
import { connections } from './contract/connections.ts'
import { datagrams } from './contract/datagrams.ts'
import { life } from './contract/life.ts'
import { networks } from './contract/networks.ts'
import { rates } from './contract/rates.ts'
import { promotions } from './contract/promotions.ts'
import { contractKit, type ContractRig } from './contract/rig.ts'
import { tunnels } from './contract/tunnels.ts'

export type { ContractClient, ContractRig } from './contract/rig.ts'

export function dataPlaneContract(name: string, makeRig: () => Promise<ContractRig>): void {
  const kit = contractKit(name, makeRig)
  connections(kit)
  promotions(kit)
  tunnels(kit)
  networks(kit)
  rates(kit)
  datagrams(kit)
  life(kit)
  kit.run()
}
