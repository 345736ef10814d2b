import { parseAuthMethod } from './auth-methods.ts'
import type { Entry } from './conf-text.ts'
import type { Findings } from './finding.ts'
import type { Values } from './part.ts'

/** `auth` of groups: alternatives of chains. */
export type Chains = readonly (readonly ('certificate' | 'local')[])[]

const NOT_TAKEN: Readonly<Record<string, string>> = {
  radius: 'is not taken over: write auth = [["radius"]] into the groups and the servers into [auth-radius] (plugins/auth-radius/README.md)',
  pam: 'there is no PAM: make local users, or use RADIUS or LDAP',
  gssapi: 'there is no Kerberos',
  oidc: 'there is no OpenID Connect: auth = [["saml"]] logs in with a browser (plugins/auth-saml/README.md)',
}

/**
 * Which logins of the file are possible here: `auth` lines are joined by AND, each `enable-auth` is an alternative. Where one
 * step of a chain is missing here, the rest of it would be weaker and is not taken. `refusal`: why certificates are not.
 */
export function loginChains(values: Values, findings: Findings, refusal?: string): Chains {
  const read = (option: string) => (values.get(option) ?? []).map((entry) => step(entry, findings, refusal))
  const [primary, alternatives] = [read('auth'), read('enable-auth')]
  const steps = primary.filter((name) => name !== undefined)
  const [first] = values.get('auth') ?? []
  if (steps.length < primary.length && steps.length > 0 && first) findings.add('refused', first, `${steps.join(' and ')} alone would be weaker than what ocserv asked for: it is not enough here either`)
  // The certificate is there before anything is asked.
  const whole = steps.length > 0 && steps.length === primary.length ? [[...new Set(steps)].sort()] : []
  return [...whole, ...alternatives.flatMap((name) => (name === undefined ? [] : [[name]]))]
}
export const hasStep = (chains: Chains, name: 'certificate' | 'local'): boolean => chains.some((chain) => chain.includes(name))

function step(entry: Entry, findings: Findings, refusal: string | undefined): 'certificate' | 'local' | undefined {
  const method = parseAuthMethod(entry.value)
  const otp = method?.options.get('otp')
  if (method?.name === 'plain' && otp === undefined) {
    findings.add('mapped', entry, 'the step "local" of auth in each group; passwords stay as they are')
    return 'local'
  }
  if (method?.name === 'certificate' && refusal === undefined) {
    findings.add('mapped', entry, 'the step "certificate" of auth in each group, with [auth-certificate]')
    return 'certificate'
  }
  if (method?.name === 'plain') findings.add('refused', entry, 'secrets of one-time passwords are not taken over: enrol the users anew (plugins/auth-totp/README.md)')
  else if (method?.name === 'certificate') findings.add('refused', entry, refusal ?? '')
  else findings.add('refused', entry, (method && NOT_TAKEN[method.name]) ?? 'is not a login method')
  return undefined
}
