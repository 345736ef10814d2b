import { X509Certificate } from 'node:crypto'
import type { AuthBackend, AuthContext, AuthStep, SecondCertificate } from '../../core/api.ts'
import { certificatesIn } from './certificate-bag.ts'
import { withoutCertificate } from './certificate-backend.ts'
import { CertificateJudge, type Believed, type CertificateJudgeParts, type GoodCertificate } from './certificate-judge.ts'
import { CertificateRefusal, refusable } from './certificate-refusal.ts'
import { SIGNATURE_HASHES, signerAmong } from './signer.ts'

/** What clients say that can show a second certificate. */
const CAPABILITY = 'multiple-cert'

export interface MultipleCertificateBackendParts extends CertificateJudgeParts {
  readonly first: Believed
  /** Of now: other authorities where `second-ca` names them. */
  readonly second: () => Believed
}

/**
 * The `multiple-certificate` step of a login: the chain of the TLS connection, and then another one that the client sends with
 * its signature over what the gateway has written (reference/protocol section 5).
 */
export class MultipleCertificateBackend implements AuthBackend {
  readonly name = 'multiple-certificate'
  private readonly judge: CertificateJudge

  constructor(private readonly parts: MultipleCertificateBackendParts) {
    this.judge = new CertificateJudge(parts)
  }

  begin(context: AuthContext): AuthStep | Promise<AuthStep> {
    if (!context.capabilities.includes(CAPABILITY)) return { kind: 'refused', reason: 'certificate-refused', detail: 'the client cannot show a second certificate' }
    return withoutCertificate(context) ?? refusable(async () => {
      if (context.certificateMissing) throw new CertificateRefusal('the client has no second certificate')
      const first = this.judge.good(context.certificates, this.parts.first.trust)
      await this.judge.current(first, this.parts.first.status)
      return { kind: 'second-certificate', hashes: SIGNATURE_HASHES, answer: (second) => refusable(() => this.identify(context, first, second)) }
    })
  }

  private async identify({ identity }: AuthContext, first: GoodCertificate, shown: SecondCertificate | undefined): Promise<AuthStep> {
    const { trust, status } = this.parts.second()
    const second = ofTheSecond(() => this.judge.good(this.certificatesOf(shown), trust))
    if (keyOf(first).equals(keyOf(second))) throw new CertificateRefusal('both certificates have one key')
    const user = this.userOf(first, second)
    this.judge.checkPins(user, [first, second])
    if (identity && identity.user.toLowerCase() !== user.toLowerCase()) throw new CertificateRefusal(`the certificates are of ${user}, the login of ${identity.user}`, 'wrong-credentials', identity.user)
    await this.judge.current(second, status, user)
    const named = this.parts.config()['user-of'] === 'first' ? first : second
    return { kind: 'identity', identity: { user, groups: this.judge.groupsOf(user, named), source: this.name } }
  }

  /** Leaf first: that is the one whose key has signed, whatever its place. */
  private certificatesOf(shown: SecondCertificate | undefined): readonly Uint8Array[] {
    if (!shown) throw new CertificateRefusal('the client has shown none')
    const sent = certificatesIn(shown.certificates)
    if (!sent) throw new CertificateRefusal('its PKCS #7 cannot be read')
    if (!SIGNATURE_HASHES.includes(shown.hash)) throw new CertificateRefusal(`its signature is over ${JSON.stringify(shown.hash.slice(0, 16))}, which was not offered`)
    const leaf = signerAmong(sent, shown, this.parts.log)
    if (leaf === undefined) throw new CertificateRefusal('the signature is not that of its key')
    return [sent[leaf] as Uint8Array, ...sent.filter((_, index) => index !== leaf)]
  }

  private userOf(first: GoodCertificate, second: GoodCertificate): string {
    const config = this.parts.config()
    const one = (): string => this.judge.userOf(first, config['user-from'])
    const two = (): string => ofTheSecond(() => this.judge.userOf(second, config['second-user-from'] ?? config['user-from']))
    if (config['user-of'] === 'first') return one()
    const user = two()
    if (config['user-of'] === 'both' && one().toLowerCase() !== user.toLowerCase()) throw new CertificateRefusal(`the first certificate is of ${one()}, the second of ${user}`, 'certificate-refused', user)
    return user
  }
}

const keyOf = ({ leaf }: GoodCertificate): Buffer => new X509Certificate(leaf).publicKey.export({ type: 'spki', format: 'der' })

function ofTheSecond<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof CertificateRefusal)) throw error
    throw new CertificateRefusal(`second certificate: ${error.detail}`, error.reason, error.user)
  }
}
