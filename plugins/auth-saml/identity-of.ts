import { GatewayError, POLICY_KEYS, POLICY_PROPERTIES, readPolicy, type GroupConfig, type Identity, type PolicyLayer } from '../../core/api.ts'
import type { SamlSubject } from './assertion.ts'
import type { AuthSamlConfig } from './config.ts'
import { TRANSIENT } from './namespaces.ts'

const MAX_USER = 128
/** What neither logs, accounting nor a terminal could show as one word. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u

/** Known to the identity provider, but not somebody for this gateway. The text is for log and audit. */
export class NotAllowed extends Error {
  constructor(
    message: string,
    readonly user?: string,
  ) {
    super(message)
  }
}

/** Groups that exist, by name. */
type Groups = ReadonlyMap<string, Pick<GroupConfig, 'auth'>>

/**
 * Who an accepted subject is here. `picked`: the group that the client asked for, which counts where the user has it.
 * Throws NotAllowed.
 */
export function identityOf(subject: SamlSubject, config: AuthSamlConfig, groups: Groups, picked: string, ticket: string): Identity {
  const user = userOf(subject, config['user-from'])
  const attributes = policyOf(subject, config.attributes, user)
  return {
    user,
    ...groupsOf(subject, config, groups, picked, user),
    source: 'saml',
    ...(attributes === undefined ? {} : { attributes }),
    ...(Buffer.byteLength(ticket) <= 4096 ? { ticket } : {}),
  }
}

function userOf(subject: SamlSubject, from: string): string {
  const values = from === 'nameid' ? [subject.nameId] : (subject.attributes.get(from) ?? [])
  const [user] = values
  if (user === undefined || user === '') throw new NotAllowed(from === 'nameid' ? 'the assertion has no NameID' : `the assertion has no attribute "${from}"`)
  if (values.length > 1) throw new NotAllowed(`attribute "${from}" has several values`)
  if (from === 'nameid' && subject.nameIdFormat === TRANSIENT) throw new NotAllowed('the NameID is transient, another one each time: set user-from to an attribute, or have the identity provider send a lasting name')
  if (user.length > MAX_USER || UNFIT.test(user)) throw new NotAllowed('the user name is too long or has characters that no name has')
  return user
}

function groupsOf(subject: SamlSubject, config: AuthSamlConfig, known: Groups, picked: string, user: string): Pick<Identity, 'groups' | 'groupsDecide'> {
  const from = config['group-from']
  // In a chain another step may know better which groups the user has.
  if (from === undefined) return { groups: isAlone(known.get(picked)) ? [picked] : [] }
  const values = subject.attributes.get(from) ?? []
  const groups = [...new Set(values.map((value) => config['group-map'][value] ?? value))].filter((name) => known.has(name))
  // No group at all would mean the gateway's first one.
  if (groups.length === 0) throw new NotAllowed(values.length === 0 ? `the assertion has no attribute "${from}"` : `none of the ${values.length} values of "${from}" is a group here`, user)
  return groups.includes(picked) ? { groups: [picked, ...groups.filter((name) => name !== picked)] } : { groups, groupsDecide: true }
}

const isAlone = (group: Pick<GroupConfig, 'auth'> | undefined): boolean => group?.auth.every((chain) => chain.length === 1 || !chain.includes('saml')) ?? false

/** Values as they would stand in the file; one that is not valid there keeps its user out rather than in without it. */
function policyOf(subject: SamlSubject, keys: Readonly<Record<string, string>>, user: string): PolicyLayer | undefined {
  const written: Record<string, unknown> = {}
  for (const [attribute, key] of Object.entries(keys)) {
    const values = subject.attributes.get(attribute)
    if (values === undefined || values.length === 0) continue
    written[key] = writtenValue(key, values)
  }
  if (Object.keys(written).length === 0) return undefined
  try {
    return { origin: 'saml', values: readPolicy(written) }
  } catch (error) {
    if (error instanceof GatewayError) throw new NotAllowed(`attributes for the policy: ${error.message}`, user)
    throw error
  }
}

function writtenValue(key: string, values: readonly string[]): unknown {
  const property = POLICY_PROPERTIES.find((candidate) => POLICY_KEYS[candidate].key === key)
  const builtIn = property && POLICY_KEYS[property].builtIn
  if (Array.isArray(builtIn)) return values
  const [text = ''] = values
  if (typeof builtIn === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return typeof builtIn === 'number' && /^\d{1,9}$/.test(text) ? Number(text) : text
}
