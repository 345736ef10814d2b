import type { Side } from './rig.ts'

/** Further addresses of the client, so that many connections stay below a gateway's bound for one source. */
export async function addSources(side: Pick<Side, 'lab'>, count: number): Promise<readonly string[]> {
  const sources = Array.from({ length: count }, (_, index) => `10.77.0.${100 + index}`)
  await side.lab.client.batch('ip', sources.map((address) => `address add ${address}/24 dev eth0\n`).join(''))
  await side.lab.gateway.batch('ip', sources.map((address) => `route add ${address}/32 dev c0\n`).join(''))
  return sources
}
