/** One base class, one catalogue of codes. `public` is the only text that may reach a client, a page or MQTT. */
export const ERROR_CODES = {
  CONFIG: 'the configuration is not valid',
  CONFIG_FILE: 'the configuration cannot be read',
  USAGE: 'the command line is not valid',
  STORE_CORRUPT: 'the database is damaged',
  STORE_FULL: 'the disk is full',
  STORE_READONLY: 'the database cannot be written',
  STORE_BUSY: 'another process holds the database',
  STORE: 'the database refused an operation',
  POOL_EXHAUSTED: 'no address is free in the pool',
  ADDRESS_UNAVAILABLE: 'the address of a user cannot be given',
  SESSION_LIMIT: 'too many sessions',
  SESSION_CONTESTED: 'two clients use one session',
  SESSION_UNKNOWN: 'there is no such session',
  USER_UNKNOWN: 'there is no such user',
  USER_EXISTS: 'the user exists already',
  GROUP_UNKNOWN: 'there is no such group',
  NOT_RUNNING: 'the gateway does not run',
  ALREADY_RUNNING: 'a gateway runs already on this data directory',
  PLUGIN: 'a plugin failed',
  DATA_PLANE: 'the data plane failed',
  TLS_CERTIFICATE: 'a certificate or key is not usable',
  PEER: 'the peer broke the protocol',
  REFUSED: 'refused',
  INTERNAL: 'internal error',
} as const
export type ErrorCode = keyof typeof ERROR_CODES

export interface GatewayErrorOptions {
  readonly cause?: unknown
  /** Text fit for a stranger. */
  readonly public?: string
}

export class GatewayError extends Error {
  readonly code: ErrorCode
  readonly public: string | undefined
  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.public = options.public
  }
}

/** The operator must act. */
export class ConfigError extends GatewayError {
  constructor(
    message: string,
    readonly at: { readonly file: string; readonly line?: number; readonly column?: number; readonly key?: string },
    options: GatewayErrorOptions = {},
  ) {
    const place = [at.file, at.line, at.column].filter((part) => part !== undefined).join(':')
    super('CONFIG', `${place}: ${message}`, options)
  }
}

/** The remote peer broke the protocol; `wire` names how, in the field's words. */
export class PeerError extends GatewayError {
  constructor(readonly wire: string, message: string, options: GatewayErrorOptions = {}) {
    super('PEER', message, options)
  }
}

/** The kernel or the native code failed; `errno` like `EADDRINUSE`, `op` like `bind`. */
export class DataPlaneError extends GatewayError {
  constructor(readonly errno: string, readonly op: string, message: string, options: GatewayErrorOptions = {}) {
    super('DATA_PLANE', message, options)
  }
}

/** Wraps once, at the host, with the plugin's name. */
export class PluginError extends GatewayError {
  constructor(readonly plugin: string, message: string, options: GatewayErrorOptions = {}) {
    super('PLUGIN', `${plugin}: ${message}`, options)
  }
}
