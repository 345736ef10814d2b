/** What transports have to tell clients about the certificates in use. */
export interface TlsFacts {
  /**
   * SHA-1 over the DER of the leaf that a client of this server name meets, upper-case hex; of several certificates the
   * first one's. undefined when it is not known.
   */
  leafSha1(serverName: string | undefined): string | undefined
  /** PEM chains of the certificates that a client of this server name may meet, leaf first. */
  chains(serverName: string | undefined): readonly string[]
}
