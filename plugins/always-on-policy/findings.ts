import { hostFor, type CheckFinding, type GatewayConfig, type TlsFacts } from '../../core/api.ts'
import { isPinned, readChain } from './pin.ts'
import type { Profile } from './profile.ts'

/** What would lock clients out or leave them open, although each key is well-formed; one line each. */
export function profileFindings(profiles: readonly Profile[], core: Pick<GatewayConfig, 'gateway' | 'hosts'>, chains: TlsFacts['chains']): readonly CheckFinding[] {
  return profiles.flatMap((profile) => {
    const list: CheckFinding[] = []
    const say = (severity: CheckFinding['severity'], text: string): void => void list.push({ severity, text: `profile ${profile.name}: ${text}` })
    const own = [...profile.hosts].filter((host) => host === core.gateway.name || core.gateway.listen.some(({ address }) => address === host) || hostFor(core, host) !== undefined)
    if (own.length === 0) say('warning', `no server of it is this gateway (${core.gateway.name})${profile.alwaysOn ? ': always-on clients will not dial it' : ''}`)
    if (profile.alwaysOn && !profile.trustRules) say('warning', 'always-on without rules in trusted-networks: Cisco\'s client may leave the whole automatic policy out')
    for (const host of own) {
      const met = chains(host)
      if (profile.alwaysOn && met.some(isSelfSigned)) say('warning', `always-on clients refuse a certificate they do not trust, and that of ${host} is self-signed: use one of a CA, or install it on every client`)
      const pins = profile.pinsFor(host)
      const unpinned = pins.length === 0 ? [] : met.filter((chain) => !isPinned(chain, pins))
      if (unpinned.length > 0) say('error', `${met.length > 1 ? 'one of the certificates' : 'the certificate'} of ${host} has none of the pins in its chain: clients that have the profile are locked out`)
    }
    return list
  })
}

function isSelfSigned(chain: string): boolean {
  const [leaf] = readChain(chain)
  return leaf !== undefined && leaf.checkIssued(leaf)
}
