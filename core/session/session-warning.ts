import type { Policy } from '../policy/policy.ts'

const WARNING_SEC = 300

/**
 * So long before the end of the session timeout its user is warned: by Cisco's client itself, which is told
 * (`X-CSTP-Session-Timeout-Alert-Interval`), and in the log. Never more than half of the session.
 */
export const endWarningSec = ({ sessionTimeoutSec }: Pick<Policy, 'sessionTimeoutSec'>): number =>
  sessionTimeoutSec > 0 ? Math.min(WARNING_SEC, Math.ceil(sessionTimeoutSec / 2)) : WARNING_SEC
