import { publicNameOf, type GatewayConfig } from '../../core/api.ts'
import type { AuthSamlConfig } from './config.ts'

/** Paths on the VPN port, as Cisco's gateways have them (reference/protocol section 4). */
export const SAML_PATHS = {
  login: '/+CSCOE+/saml/sp/login',
  acs: '/+CSCOE+/saml/sp/acs',
  logout: '/+CSCOE+/saml/sp/logout',
  metadata: '/+CSCOE+/saml/sp/metadata',
  final: '/+CSCOE+/saml_ac_login.html',
  code: '/saml',
} as const

/** The service provider that the gateway is under one of its names: absolute URLs and the name it goes by at the identity provider. */
export interface SpUrls {
  readonly entityId: string
  readonly login: string
  readonly acs: string
  readonly logout: string
  readonly final: string
  readonly code: string
}

/** Made of the configuration alone, never of what a client says it dialled: the identity provider knows each of them. */
export function spUrls(core: Pick<GatewayConfig, 'gateway' | 'hosts'>, config: Pick<AuthSamlConfig, 'base-url' | 'entity-id'>, host: string | undefined): SpUrls {
  const base = (host === undefined ? config['base-url'] : undefined) ?? originOf(publicNameOf(core, host), core.gateway.listen[0]?.port ?? 443)
  const at = (path: string): string => `${base}${path}`
  return {
    entityId: (host === undefined ? config['entity-id'] : undefined) ?? at(SAML_PATHS.metadata),
    login: at(SAML_PATHS.login), acs: at(SAML_PATHS.acs), logout: at(SAML_PATHS.logout), final: at(SAML_PATHS.final), code: at(SAML_PATHS.code),
  }
}

function originOf(name: string, port: number): string {
  const host = name.includes(':') ? `[${name}]` : name
  return port === 443 ? `https://${host}` : `https://${host}:${port}`
}
