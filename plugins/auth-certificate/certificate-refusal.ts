import type { AuthStep, RefusalReason } from '../../core/api.ts'

/** Why a certificate is no login; `detail` for log and audit alone. */
export class CertificateRefusal extends Error {
  constructor(readonly detail: string, readonly reason: RefusalReason = 'certificate-refused', readonly user?: string) {
    super(detail)
  }
}

/** A step whose refusals are thrown. */
export async function refusable(step: () => Promise<AuthStep>): Promise<AuthStep> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof CertificateRefusal)) throw error
    const { reason, detail, user } = error
    return { kind: 'refused', reason, detail, ...(user !== undefined && { user }) }
  }
}
