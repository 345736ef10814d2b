import type { CheckFinding, GatewayConfig } from '../../core/api.ts'
import { isPinned, readChain } from './pin.ts'
import type { Profile } from './profile.ts'

/** What would lock clients out or leave them open, although each key is well-formed; one line each. */
export function profileFindings(profiles: readonly Profile[], core: Pick<GatewayConfig, 'gateway'>, chains: readonly string[]): readonly CheckFinding[] {
  return profiles.flatMap((profile) => {
    const list: CheckFinding[] = []
    const say = (severity: CheckFinding['severity'], text: string): void => void list.push({ severity, text: `profile ${profile.name}: ${text}` })
    if (!profile.hosts.has(core.gateway.name)) say('warning', `no server of it is this gateway (${core.gateway.name})${profile.alwaysOn ? ': always-on clients will not dial it' : ''}`)
    if (profile.alwaysOn && !profile.trustRules) say('warning', 'always-on without rules in trusted-networks: Cisco\'s client may leave the whole automatic policy out')
    if (profile.alwaysOn && chains.some(isSelfSigned)) say('warning', 'always-on clients refuse a certificate they do not trust, and the gateway\'s is self-signed: use one of a CA, or install it on every client')
    const pins = profile.pinsFor(core.gateway.name)
    if (pins.length > 0 && chains.length > 0) {
      const unpinned = chains.filter((chain) => !isPinned(chain, pins)).length
      if (unpinned === chains.length) say('error', 'none of its pins is in the chain of the gateway\'s certificate: every client that has the profile is locked out')
      else if (unpinned > 0) say('error', 'one of the gateway\'s certificates has none of its pins: clients that meet that one are locked out')
    }
    return list
  })
}

function isSelfSigned(chain: string): boolean {
  const [leaf] = readChain(chain)
  return leaf !== undefined && leaf.checkIssued(leaf)
}
