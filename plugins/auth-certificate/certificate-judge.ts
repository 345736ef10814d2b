import { createHash, X509Certificate } from 'node:crypto'
import { userNameProblem, type ChainVerdict, type Clock, type GatewayConfig, type Logger, type PolicySource } from '../../core/api.ts'
import { namesIn } from './certificate-names.ts'
import { CertificateRefusal } from './certificate-refusal.ts'
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
/** Whom certificates of one kind are believed by. */
export interface Believed {
  readonly trust: Trust
  readonly status: StatusCheck
}
export interface CertificateJudgeParts {
  readonly pins: Pick<PinTable, 'userOf' | 'fingerprints'>
  readonly config: () => AuthCertificateConfig
  readonly groups: GatewayConfig
  readonly sources: () => readonly PolicySource[]
  readonly clock: Clock
  readonly log: Pick<Logger, 'debug'>
}
/** A certificate that is good. */
export interface GoodCertificate {
  readonly leaf: Uint8Array
  /** Leaf first, up to the authority; the leaf alone where it is pinned and no authority is known. */
  readonly chain: readonly Uint8Array[]
  /** The user for whom it is pinned. */
  readonly pinnedFor: string | undefined
}

/** What certificates of clients are worth, and whom they name. What is wrong with one is thrown as a `CertificateRefusal`. */
export class CertificateJudge {
  constructor(private readonly parts: CertificateJudgeParts) {}

  /** `certificates` as they were sent, leaf first. That the client has the key is shown elsewhere; so is revocation by a responder. */
  good(certificates: readonly Uint8Array[], trust: Trust): GoodCertificate {
    const problem = chainProblem(certificates)
    if (problem !== undefined) throw new CertificateRefusal(problem)
    const pinnedFor = this.parts.pins.userOf(createHash('sha256').update(certificates[0] as Uint8Array).digest('hex'))
    const chain = this.chainOf(certificates, trust, pinnedFor !== undefined)
    return { leaf: chain[0] as Uint8Array, chain, pinnedFor }
  }

  /** Asks the responder. */
  async current({ chain }: GoodCertificate, status: StatusCheck, user?: string): Promise<void> {
    if (chain.length < 2) return
    const revoked = await status.problem(chain)
    if (revoked !== undefined) throw new CertificateRefusal(revoked, 'certificate-refused', user)
  }

  /** The narrowest name of a subject, the first of the alternative names. */
  userOf({ leaf, pinnedFor }: GoodCertificate, source: NameSource): string {
    if (pinnedFor !== undefined) return pinnedFor
    const names = this.read(leaf, source)
    const user = source.part === 'subject' ? names.at(-1) : names[0]
    if (user === undefined) throw new CertificateRefusal(`the certificate has no ${sourceText(source)}`)
    const problem = userNameProblem(user)
    if (problem !== undefined) throw new CertificateRefusal(`${sourceText(source)} is no user name: ${problem}`)
    return user
  }

  /** Once somebody has pins, no login counts without one of them, whoever has issued the certificate; a pinned one is nobody else's. */
  checkPins(user: string, shown: readonly GoodCertificate[]): void {
    const pinned = shown.flatMap(({ pinnedFor }) => pinnedFor ?? [])
    if (pinned.some((one) => one.toLowerCase() !== user.toLowerCase())) throw new CertificateRefusal('the certificate is pinned for another user', 'certificate-refused', user)
    if (pinned.length === 0 && this.parts.pins.fingerprints(user).length > 0) throw new CertificateRefusal('the certificate is not one of those pinned for the user', 'certificate-refused', user)
  }

  groupsOf(user: string, { leaf }: GoodCertificate): readonly string[] {
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
    if (found.length === 0) throw new CertificateRefusal(`${sourceText(source)} of the certificate names no group of this gateway`, 'not-in-group', user)
    return found
  }

  private chainOf(certificates: readonly Uint8Array[], trust: Trust, pinned: boolean): readonly Uint8Array[] {
    const { clock, config } = this.parts
    const { crl, 'crl-url': url, 'crl-stale': stale } = config()
    const verdict = trust.verify(certificates, clock.now(), { stale: stale === 'accept', listed: stale === 'refuse' && crl.length + url.length > 0 })
    if (verdict?.error === 0) return verdict.chain
    const alone = pinned && (!verdict || isUnknownAuthority(verdict)) ? trust.verifyAlone(certificates[0] as Uint8Array, clock.now()) : undefined
    if (alone?.error === 0) return alone.chain
    if (!verdict && !alone) throw new CertificateRefusal('no authority is in force', 'unavailable')
    throw new CertificateRefusal(this.textOf(alone ?? (verdict as ChainVerdict), certificates[0] as Uint8Array))
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

  private read(leaf: Uint8Array, source: NameSource): readonly string[] {
    try {
      return namesIn(leaf, source)
    } catch (error) {
      this.parts.log.debug('the names of a certificate cannot be read', { error })
      throw new CertificateRefusal('the names of the certificate cannot be read')
    }
  }
}
