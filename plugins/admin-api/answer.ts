import type { CommandResult, ErrorCode, GatewayError } from '../../core/api.ts'

/** Bytes to send. */
export interface Answer {
  readonly status: number
  readonly body: string
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  USAGE: 400,
  SESSION_UNKNOWN: 404,
  USER_UNKNOWN: 404,
  GROUP_UNKNOWN: 404,
  USER_EXISTS: 409,
  CONFIG: 422,
  CONFIG_FILE: 422,
  REFUSED: 422,
  INTERNAL: 500,
  STORE_BUSY: 503,
  STORE_FULL: 507,
}

// Counters of the data plane are bigint; they stay far below 2^53.
const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value)

export const resultAnswer = ({ data, text, picture }: CommandResult): Answer => ({ status: 200, body: JSON.stringify({ data: data ?? null, text, picture }, plain) })

/** The whole message: who may open the socket is the operator. */
export const refusalAnswer = (error: GatewayError): Answer => errorAnswer(STATUS[error.code] ?? 500, error.code, error.message)

export const errorAnswer = (status: number, code: string, message: string): Answer => ({ status, body: JSON.stringify({ error: { code, message } }) })
