/** Whose certificates clients are asked for in the TLS handshake. */
export interface ClientCertificates {
  /** A host asks where one of its groups has one of these steps in `auth`. */
  readonly backends: readonly string[]
  /** PEM of the authorities, named to the client; undefined: none. */
  authorities(): string | undefined
  /** `changed` is called when they are others than before. */
  watch(changed: () => void): void
}
