import type { Admission, AdmissionRule, TlsFacts } from '../../core/api.ts'
import { isPinned } from './pin.ts'
import type { Profile } from './profile.ts'
import type { ProfileBook } from './profile-book.ts'
import type { Refusable } from './profile-config.ts'

/**
 * What each refusal says: the words of Cisco's own client for the same thing (string table of Secure Client 5.1.2.42), and
 * of ours where it has none.
 */
export const REFUSAL_TEXTS: Readonly<Record<Refusable, string>> = {
  'other-names': 'Connections to this secure gateway are not permitted.',
  proxies: 'Connecting via a proxy is not supported with Always On.',
  'missing-pin': 'The VPN connection attempt was aborted due to server certificate pin verification failure. Please contact your network administrator.',
  'other-clients': 'This group needs a client that keeps its VPN profile: Cisco Secure Client (AnyConnect).',
}

/** Headers that no client sends by itself: something on the way took the request apart and sent it on. */
const PROXY_HEADERS = ['via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'proxy-connection', 'proxy-authorization', 'x-bluecoat-via', 'x-proxy-id'] as const

/** Enforces at the gateway what a profile asks of its clients. */
export class AlwaysOnRule implements AdmissionRule {
  readonly name = 'always-on-policy'

  constructor(
    private readonly book: ProfileBook,
    private readonly chains: TlsFacts['chains'],
  ) {}

  refuse(admission: Admission): { readonly text: string; readonly reason: string } | undefined {
    const profile = this.book.byGroup(admission.group)
    if (!profile) return undefined
    for (const what of profile.refuse) {
      const detail = this.found(what, admission, profile)
      if (detail !== undefined) return { text: REFUSAL_TEXTS[what], reason: `${what}: ${detail}` }
    }
    return undefined
  }

  /** Why it is refused, for the audit. */
  private found(what: Refusable, { aggregate, agent, connection, dialled, headers }: Admission, { name, hosts, pinsFor }: Profile): string | undefined {
    switch (what) {
      case 'other-names': {
        const foreign = dialled.length === 0 ? 'no name' : dialled.find((host) => !hosts.has(host))
        return foreign === undefined ? undefined : `dialled as ${foreign.slice(0, 255)}, which profile ${name} does not list`
      }
      case 'proxies': {
        const header = PROXY_HEADERS.find((candidate) => headers.has(candidate))
        if (header !== undefined) return `the request carries ${header}`
        return this.book.isKnownProxy(connection.peer.address) ? 'the client is behind a known proxy' : undefined
      }
      case 'missing-pin': {
        const pins = pinsFor(dialled[0])
        return this.chains(connection.serverName).some((chain) => isPinned(chain, pins)) ? undefined : `no certificate of the gateway has a pin of profile ${name}`
      }
      case 'other-clients':
        return aggregate && keepsProfiles(agent) ? undefined : 'the client keeps no profile'
    }
  }
}

/** By what it says of itself. openconnect calls itself AnyConnect-compatible. */
const keepsProfiles = (agent: string): boolean => /^(?:Cisco )?AnyConnect /.test(agent) && !/open ?connect/i.test(agent)
