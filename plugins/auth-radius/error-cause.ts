/** Error-Cause, RFC 5176 section 3.6. */
export const ERROR_CAUSE = {
  unsupportedAttribute: 401,
  missingAttribute: 402,
  otherGateway: 403,
  invalidRequest: 404,
  unsupportedService: 405,
  invalidValue: 407,
  noSuchSession: 503,
  resourcesUnavailable: 506,
} as const
export type ErrorCause = (typeof ERROR_CAUSE)[keyof typeof ERROR_CAUSE]
