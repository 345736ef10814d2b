import { parseAuthMethod } from './auth-methods.ts'
import type { Entry } from './conf-text.ts'
import type { Findings } from './finding.ts'
import type { Values } from './part.ts'

const LATER: Readonly<Record<string, string>> = {
  certificate: 'client certificates are not in this version', radius: 'RADIUS is not in this version', pam: 'there is no PAM: make local users, or wait for RADIUS or LDAP',
  gssapi: 'there is no Kerberos', oidc: 'OpenID Connect is not in this version',
}

/**
 * Whether passwords alone let somebody in, as the file has it: `auth` lines are joined by AND, each `enable-auth` is an
 * alternative. Where one step of a chain is missing here, the rest of it would be weaker and is not taken.
 */
export function passwordsSuffice(values: Values, findings: Findings): boolean {
  const primary = (values.get('auth') ?? []).map((entry) => step(entry, findings))
  const alternatives = (values.get('enable-auth') ?? []).map((entry) => step(entry, findings))
  const alone = primary.length > 0 && primary.every((usable) => usable)
  const [first] = values.get('auth') ?? []
  if (!alone && primary.includes(true) && first) findings.add('refused', first, 'the password alone would be weaker than what ocserv asked for: it is not enough here either')
  return alone || alternatives.includes(true)
}

function step(entry: Entry, findings: Findings): boolean {
  const method = parseAuthMethod(entry.value)
  const otp = method?.options.get('otp')
  if (method?.name === 'plain' && otp === undefined) {
    findings.add('mapped', entry, 'auth = [["local"]], which every group has; passwords stay as they are')
    return true
  }
  if (method?.name === 'plain') findings.add('refused', entry, 'one-time passwords are not in this version')
  else findings.add('refused', entry, (method && LATER[method.name]) ?? 'is not a login method')
  return false
}
