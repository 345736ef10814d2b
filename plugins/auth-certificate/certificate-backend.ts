import { createHash, X509Certificate } from 'node:crypto'
import { userNameProblem, type AuthBackend, type AuthContext, type AuthStep, type ChainVerdict, type Clock, type GatewayConfig, type Logger, type PolicySource, type RefusalReason } from '../../core/api.ts'
import { namesIn } from './certificate-names.ts'
import { chainProblem } from './chain-limits.ts'
import type { AuthCertificateConfig } from './config.ts'
import { sourceText, type NameSource } from './name-source.ts'
import type { PinTable } from './pin-table.ts'
import type { Trust } from './trust.ts'
import { isUnknownAuthority, verdictText } from './verdict-text.ts'

/** What a responder makes of a chain that is good otherwise: why the login is refused, or undefined. */
export interface StatusCheck {
  problem(chain: readonly Uint8Array[]): Promise<string | undefined>
}
export interface CertificateBackendParts {
  readonly trust: Trust
  readonly pins: Pick<PinTable, 'userOf' | 'fingerprints'>
  readonly status: StatusCheck
  readonly config: () => AuthCertificateConfig
  readonly groups: GatewayConfig
  readonly sources: () => readonly PolicySource[]
  readonly clock: Clock
  readonly log: Pick<Logger, 'debug'>
}

class Refused extends Error {
  constructor(readonly detail: string, readonly reason: RefusalReason = 'certificate-refused', readonly user?: string) {
    super(detail)
  }
}

/** The `certificate` step of a login: the chain of the TLS connection, judged. That the client has its key, the handshake has proved. */
export class CertificateBackend implements AuthBackend {
  readonly name = 'certificate'

  constructor(private readonly parts: CertificateBackendParts) {}

  async begin(context: AuthContext): Promise<AuthStep> {
    if (context.decoy) return { kind: 'refused', reason: 'certificate-refused' }
    if (context.certificates.length === 0) {
      return context.certificateMissing ? { kind: 'refused', reason: 'certificate-refused', detail: 'the client has no certificate' } : { kind: 'certificate-wanted' }
    }
    try {
      return await this.judge(context)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      const { reason, detail, user } = error
      return { kind: 'refused', reason, detail, ...(user !== undefined && { user }) }
    }
  }

  private async judge({ certificates, identity }: AuthContext): Promise<AuthStep> {
    const problem = chainProblem(certificates)
    if (problem !== undefined) throw new Refused(problem)
    const sent = certificates[0] as Uint8Array
    const fingerprint = createHash('sha256').update(sent).digest('hex')
    const pinned = this.parts.pins.userOf(fingerprint)
    const chain = this.chainOf(certificates, pinned !== undefined)
    const user = pinned ?? this.userOf(chain[0] as Uint8Array)
    // Once somebody has pins, no other certificate counts, whoever has issued it.
    if (pinned === undefined && this.parts.pins.fingerprints(user).length > 0) throw new Refused('the certificate is not one of those pinned for the user', 'certificate-refused', user)
    if (identity && identity.user.toLowerCase() !== user.toLowerCase()) throw new Refused(`the certificate is of ${user}, the login of ${identity.user}`, 'wrong-credentials', identity.user)
    if (chain.length > 1) {
      const revoked = await this.parts.status.problem(chain)
      if (revoked !== undefined) throw new Refused(revoked, 'certificate-refused', user)
    }
    return { kind: 'identity', identity: { user, groups: this.groupsOf(user, chain[0] as Uint8Array), source: this.name } }
  }

  /** Leaf first, up to the authority; the leaf alone where it is pinned and no authority is known. */
  private chainOf(certificates: readonly Uint8Array[], pinned: boolean): readonly Uint8Array[] {
    const { trust, clock, config } = this.parts
    const { crl, 'crl-url': url, 'crl-stale': stale } = config()
    const verdict = trust.verify(certificates, clock.now(), { stale: stale === 'accept', listed: stale === 'refuse' && crl.length + url.length > 0 })
    if (verdict?.error === 0) return verdict.chain
    const alone = pinned && (!verdict || isUnknownAuthority(verdict)) ? trust.verifyAlone(certificates[0] as Uint8Array, clock.now()) : undefined
    if (alone?.error === 0) return alone.chain
    if (!verdict && !alone) throw new Refused('no authority is in force', 'unavailable')
    throw new Refused(this.textOf(alone ?? (verdict as ChainVerdict), certificates[0] as Uint8Array))
  }

  private textOf(verdict: ChainVerdict, der: Uint8Array): string {
    let leaf: X509Certificate | undefined
    try {
      leaf = new X509Certificate(der)
    } catch (error) {
      this.parts.log.debug('a certificate cannot be read', { error })
    }
    const subject = leaf === undefined ? '' : ` (${JSON.stringify(leaf.subject.replaceAll('\n', ', ').slice(0, 128)).slice(1, -1)})`
    return verdictText(verdict, leaf) + subject
  }

  /** The narrowest name of a subject, the first of the alternative names. */
  private userOf(leaf: Uint8Array): string {
    const source = this.parts.config()['user-from']
    const names = this.read(leaf, source)
    const user = source.part === 'subject' ? names.at(-1) : names[0]
    if (user === undefined) throw new Refused(`the certificate has no ${sourceText(source)}`)
    const problem = userNameProblem(user)
    if (problem !== undefined) throw new Refused(`${sourceText(source)} is no user name: ${problem}`)
    return user
  }

  private groupsOf(user: string, leaf: Uint8Array): readonly string[] {
    const { config, groups, sources } = this.parts
    const source = config()['group-from']
    if (!source) {
      for (const one of sources()) {
        const known = one.groups?.(user)
        if (known) return known
      }
      return []
    }
    const named = this.read(leaf, source).map((name) => name.toLowerCase())
    const found = [...groups.groups.values()].filter(({ name, label }) => named.includes(name.toLowerCase()) || named.includes(label.toLowerCase())).map(({ name }) => name)
    // None would mean the default group.
    if (found.length === 0) throw new Refused(`${sourceText(source)} of the certificate names no group of this gateway`, 'not-in-group', user)
    return found
  }

  private read(leaf: Uint8Array, source: NameSource): readonly string[] {
    try {
      return namesIn(leaf, source)
    } catch (error) {
      this.parts.log.debug('the names of a certificate cannot be read', { error })
      throw new Refused('the names of the certificate cannot be read')
    }
  }
}
