import { defaultGroup, groupsAt, hostFor, publicNameOf, type ConnectionInfo, type GatewayConfig } from '../../core/api.ts'
import { GroupChoice } from './group-choice.ts'
import type { RequestHead } from './request-head.ts'

/** What the gateway is for one connection. */
export interface VirtualHost {
  /** Section of the configuration; undefined: the gateway itself. */
  readonly name: string | undefined
  readonly groups: GroupChoice
}

/**
 * The hosts of the configuration as clients meet them. The server name of TLS decides, because it has decided over the
 * certificate; who sends none, as for an address, is at the gateway itself.
 */
export class VirtualHosts {
  constructor(private readonly config: Pick<GatewayConfig, 'gateway' | 'groups' | 'hosts'>) {}

  at({ serverName }: Pick<ConnectionInfo, 'serverName'>): VirtualHost {
    const name = hostFor(this.config, serverName)?.name
    return { name, groups: new GroupChoice(() => groupsAt(this.config, name)) }
  }

  /** The group of who has none. */
  get defaultGroup(): string {
    return defaultGroup(this.config)
  }

  publicName(host: string | undefined): string {
    return publicNameOf(this.config, host)
  }

  /**
   * The request asks for another of our names than TLS was made for (RFC 9110 section 7.4). A name that is none of ours says
   * nothing: openconnect's --sni and NATs make such, and without a server name there is nothing to differ from.
   */
  misdirected({ target, headers }: Pick<RequestHead, 'target' | 'headers'>, connection: Pick<ConnectionInfo, 'serverName'>): boolean {
    if (connection.serverName === undefined || this.config.hosts.size === 0) return false
    const authority = /^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? headers.get('host')?.[0] ?? ''
    const name = authority.replace(/:\d{1,5}$/, '').replace(/\.$/, '').toLowerCase()
    const meant = hostFor(this.config, name)
    if (meant === undefined && name !== this.config.gateway.name) return false
    return meant?.name !== hostFor(this.config, connection.serverName)?.name
  }
}
