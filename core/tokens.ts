import type { Audit } from './audit.ts'
import type { Clock } from './clock.ts'
import type { Commands } from './commands.ts'
import type { Crypt } from './crypt.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import type { DataPlane } from './dataplane.ts'
import type { Health } from './health.ts'
import type { Logger } from './log.ts'
import type { Policies } from './policy/policy.ts'
import type { Sessions } from './session/session.ts'
import type { Store } from './store/store.ts'
import type { TlsFacts } from './tls-facts.ts'
import type { UserImport } from './user-import.ts'
import type { X509 } from './x509.ts'

/** `Symbol.for`, so that separately built bundles meet the same token. */
export type Token<T> = symbol & { readonly __type?: T }
export const token = <T>(name: string): Token<T> => Symbol.for(`postern.${name}`)

export const AUDIT = token<Audit>('Audit')
export const CLOCK = token<Clock>('Clock')
export const COMMANDS = token<Commands>('Commands')
/** The core's own sections: gateway, pools, policy, groups. */
export const CONFIG = token<GatewayConfig>('GatewayConfig')
/** Only while serving. */
export const CRYPT = token<Crypt>('Crypt')
/** Only while serving. */
export const DATA_PLANE = token<DataPlane>('DataPlane')
export const HEALTH = token<Health>('Health')
/** Named for the plugin that injects it. */
export const LOGGER = token<Logger>('Logger')
export const POLICIES = token<Policies>('Policies')
export const SESSIONS = token<Sessions>('Sessions')
export const STORE = token<Store>('Store')
/** Only while serving. */
export const TLS_FACTS = token<TlsFacts>('TlsFacts')
export const USER_IMPORT = token<UserImport>('UserImport')
export const X509_LIBRARY = token<X509>('X509')
