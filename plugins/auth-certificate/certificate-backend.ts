import type { AuthBackend, AuthContext, AuthStep } from '../../core/api.ts'
import { CertificateJudge, type Believed, type CertificateJudgeParts } from './certificate-judge.ts'
import { CertificateRefusal, refusable } from './certificate-refusal.ts'

export interface CertificateBackendParts extends CertificateJudgeParts, Believed {}

/** The `certificate` step of a login: the chain of the TLS connection, judged. That the client has its key, the handshake has proved. */
export class CertificateBackend implements AuthBackend {
  readonly name = 'certificate'
  private readonly judge: CertificateJudge

  constructor(private readonly parts: CertificateBackendParts) {
    this.judge = new CertificateJudge(parts)
  }

  begin(context: AuthContext): AuthStep | Promise<AuthStep> {
    return withoutCertificate(context) ?? refusable(() => this.identify(context))
  }

  private async identify({ certificates, identity }: AuthContext): Promise<AuthStep> {
    const { trust, status, config } = this.parts
    const good = this.judge.good(certificates, trust)
    const user = this.judge.userOf(good, config()['user-from'])
    this.judge.checkPins(user, [good])
    if (identity && identity.user.toLowerCase() !== user.toLowerCase()) throw new CertificateRefusal(`the certificate is of ${user}, the login of ${identity.user}`, 'wrong-credentials', identity.user)
    await this.judge.current(good, status, user)
    return { kind: 'identity', identity: { user, groups: this.judge.groupsOf(user, good), source: this.name } }
  }
}

/** What a step answers where the connection has no certificate. */
export function withoutCertificate({ decoy, certificates, certificateMissing }: AuthContext): AuthStep | undefined {
  if (decoy) return { kind: 'refused', reason: 'certificate-refused' }
  if (certificates.length > 0) return undefined
  return certificateMissing ? { kind: 'refused', reason: 'certificate-refused', detail: 'the client has no certificate' } : { kind: 'certificate-wanted' }
}
