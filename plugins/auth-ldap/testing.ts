import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RefusalPace, Secret, systemClock, type AuditEntry, type AuthContext, type AuthStep } from '../../core/api.ts'
import { ListedHealth, TestLog, testDirectory } from '../../core/testing.ts'
import { makeSelfSigned } from '../../core/tls/self-signed.ts'
import type { AuthLdapConfig, ServerConfig } from './config.ts'
import { LdapBackend } from './ldap-backend.ts'
import { Places } from './places.ts'
import { ServerList } from './server-list.ts'
import { ScriptedDirectory, type Answer, type Found, type Request } from './scripted-directory.ts'

export const CONTEXT: AuthContext = { peer: '192.0.2.7', group: 'staff', origin: 'https://vpn.example.com', userAgent: 'Open AnyConnect', capabilities: [], certificates: [], certificateMissing: false }
const GROUPS = new Map([['staff', {}], ['partners', {}]]) as never
export const OWN = { 'bind-dn': 'cn=gateway,dc=x', 'bind-password-file': new Secret('own') }
const SECTION = { 'base-dn': 'dc=x', 'user-from': 'uid', 'nested-groups': false, 'group-map': {}, 'password-change': true, 'timeout': 1, ...OWN } as unknown as AuthLdapConfig
export const ALICE: Found = { dn: 'uid=alice,dc=x', attributes: { uid: ['Alice'], memberOf: ['cn=staff,dc=x'] } }

export const serverConfig = (port: number, encryption: ServerConfig['encryption'] = 'none'): ServerConfig => ({ name: `ldap://127.0.0.1:${port}`, host: '127.0.0.1', port, encryption, ca: undefined, certificateName: '127.0.0.1' })
export const answer = async (step: AuthStep, values: Readonly<Record<string, string>>): Promise<AuthStep> => (step.kind === 'form' ? step.answer(new Map(Object.entries(values))) : step)

/** The gateway itself may bind and alice is found; a bind as somebody else is what `bind` says. */
export const usual = (bind: Answer | ((dn: string, password: string) => Answer), entries: readonly Found[] = [ALICE]) => (request: Request): Answer => {
  if (request.kind === 'search') return { entries: request.base === 'dc=x' ? entries : [] }
  if (request.kind === 'start-tls') return { code: 2 }
  if (request.kind !== 'bind') return { code: 53 }
  if (request.dn === OWN['bind-dn']) return { code: request.password === 'own' ? 0 : 49 }
  return typeof bind === 'function' ? bind(request.dn, request.password) : bind
}

export interface Login {
  (values?: Readonly<Record<string, string>>, context?: Partial<AuthContext>): Promise<AuthStep>
  readonly requests: readonly Request[]
  readonly audit: readonly AuditEntry[]
  readonly health: ListedHealth
}
export async function withDirectory(script: (request: Request) => Answer, body: (login: Login) => Promise<void>, more: Partial<AuthLdapConfig> = {}, encryption: ServerConfig['encryption'] = 'none', others: readonly ServerConfig[] = []): Promise<void> {
  const tls = encryption === 'tls' ? await certificate() : undefined
  const directory = await ScriptedDirectory.listen(script, 0, tls)
  const section = { ...SECTION, server: [{ ...serverConfig(directory.port, encryption), ca: tls?.ca }, ...others], ...more }
  const health = new ListedHealth()
  const audit: AuditEntry[] = []
  const servers = new ServerList(section, { clock: systemClock, health, log: new TestLog() })
  const pace = new RefusalPace(20)
  const backend = new LdapBackend({ section: () => section, servers: () => servers, gateway: { groups: GROUPS }, audit: { record: (entry) => void audit.push(entry), list: () => [] }, clock: systemClock, pace, places: new Places(4, 4) })
  const login = (values: Readonly<Record<string, string>> = {}, context: Partial<AuthContext> = {}): Promise<AuthStep> => answer(backend.begin({ ...CONTEXT, ...context }), { username: 'alice ', password: 'right', ...values })
  // Timers of the system's clock do not keep a test alive.
  const awake = setInterval(() => undefined, 1000)
  try {
    await body(Object.assign(login, { requests: directory.requests, audit, health }))
  } finally {
    clearInterval(awake)
    servers.close()
    await directory.close()
  }
}
async function certificate(): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const { certificatePem: cert, keyPem: key } = await makeSelfSigned({ name: '127.0.0.1', now: Date.now() })
  const ca = join(testDirectory(), 'ca.pem')
  writeFileSync(ca, cert)
  return { ca, cert, key }
}
export const reasonOf = (step: AuthStep): string => (step.kind === 'refused' ? step.reason : step.kind)
export const ACTIVE_DIRECTORY = (data: string): Answer => ({ code: 49, diagnostic: `80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data ${data}, v3839` })
export const rightOnly = (_: string, password: string): Answer => ({ code: password === 'right' ? 0 : 49 })
