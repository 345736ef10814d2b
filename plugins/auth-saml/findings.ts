import { nearest, PeerError, POLICY_KEYS, POLICY_PROPERTIES, FileRefusal, readWhole, type CheckFinding, type CrossProblem, type GatewayConfig } from '../../core/api.ts'
import type { AuthSamlConfig } from './config.ts'
import { readIdpMetadata } from './idp-metadata.ts'
import { METADATA_LIMITS } from './xml-tree.ts'

/** What the section names of the core's own. */
export function crossCheck(config: AuthSamlConfig, core: GatewayConfig): readonly CrossProblem[] {
  const keys = POLICY_PROPERTIES.map((property) => POLICY_KEYS[property].key)
  const groups = [...core.groups.keys()]
  return [
    ...Object.entries(config['group-map']).filter(([, group]) => !core.groups.has(group)).map(([value, group]) => ({ path: ['group-map', value], message: `there is no group "${group.slice(0, 64)}"${hint(nearest(group, groups))}` })),
    ...Object.entries(config.attributes).filter(([, key]) => !keys.includes(key)).map(([name, key]) => ({ path: ['attributes', name], message: `there is no policy key "${key}"${hint(nearest(key, keys))}` })),
  ]
}
const hint = (guess: string | undefined): string => (guess === undefined ? '' : `; did you mean "${guess}"?`)

/** What `postern check` finds: metadata that cannot be used, groups that anybody may pick. */
export function samlFindings(config: AuthSamlConfig, core: GatewayConfig): readonly CheckFinding[] {
  const found: CheckFinding[] = []
  const offering = [...core.groups.values()].filter(({ auth }) => auth.some((chain) => chain.includes('saml')))
  if (offering.length === 0) found.push({ severity: 'warning', text: 'auth-saml: no group has "saml" in its auth, so nobody logs in by it' })
  if (config['group-from'] === undefined && offering.length > 1) found.push({ severity: 'warning', text: `auth-saml: without group-from everybody whom the identity provider knows may pick any of the groups ${offering.map(({ name }) => `"${name}"`).join(', ')}` })
  const file = config['idp-metadata-file']
  if (file !== undefined) {
    try {
      readIdpMetadata(readWhole(file, METADATA_LIMITS.bytes).bytes.toString('utf8'), config['idp-entity-id'], Date.now())
    } catch (error) {
      if (!(error instanceof PeerError || error instanceof FileRefusal)) throw error
      found.push({ severity: 'error', text: `auth-saml: ${file}: ${error.message}` })
    }
  }
  return found
}
