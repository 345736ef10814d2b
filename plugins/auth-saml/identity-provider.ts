import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileRefusal, PeerError, readWhole, type Clock, type Health, type Logger } from '../../core/api.ts'
import type { AuthSamlConfig } from './config.ts'
import { fetchText } from './fetch-text.ts'
import { readIdpMetadata, type IdpMetadata } from './idp-metadata.ts'
import { decodeUtf8 } from './service-provider.ts'
import { METADATA_LIMITS } from './xml-tree.ts'

const REFRESH_MS = 6 * 3_600_000
/** After a failure, and at most so often for a signature that does not fit. */
const RETRY_MS = 300_000
const HEALTH = 'auth-saml.metadata'

export interface IdentityProviderParts {
  readonly clock: Clock
  readonly health: Health
  readonly log: Logger
  /** Where the last good metadata of a URL are kept. */
  readonly directory: () => string
}
type Source = Pick<AuthSamlConfig, 'idp-metadata-file' | 'idp-metadata-url' | 'idp-entity-id'>

/** The identity provider as its metadata describe it; from a URL they are fetched again and again, and the last good ones stay. */
export class IdentityProvider {
  private known: IdpMetadata | undefined
  private timer: { cancel(): void } | undefined
  private lastTry = -Infinity
  private running: Promise<void> | undefined
  private stopped = false

  constructor(
    private source: Source,
    private readonly parts: IdentityProviderParts,
  ) {}

  get metadata(): IdpMetadata | undefined {
    return this.known
  }

  /** Never fails: without usable metadata logins by SAML are refused and health says why, and all other logins go on. From a URL the last good ones count. */
  async start(): Promise<void> {
    if (this.source['idp-metadata-url'] === undefined) return this.tryFile()
    this.recall()
    const first = this.refresh()
    if (!this.known) await first
  }

  /** Another section. Throws PeerError and has changed nothing. */
  async replace(source: Source): Promise<void> {
    const same = (['idp-metadata-file', 'idp-metadata-url', 'idp-entity-id'] as const).every((key) => source[key] === this.source[key])
    if (source['idp-metadata-url'] === undefined) {
      this.readFile(source)
      this.source = source
      this.timer?.cancel()
      return
    }
    if (same) return
    const text = await fetchText(source['idp-metadata-url'], METADATA_LIMITS.bytes)
    this.take(text, source)
    this.source = source
    this.keep(text)
    this.again(REFRESH_MS)
  }

  /** A signature did not fit: new keys may have been published. */
  doubt(): void {
    if (this.source['idp-metadata-url'] !== undefined && this.parts.clock.monotonic() - this.lastTry >= RETRY_MS) void this.refresh()
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }

  /** Resolves when the running attempt is over, whatever came of it. */
  refresh(): Promise<void> {
    this.running ??= this.fetch().finally(() => (this.running = undefined))
    return this.running
  }

  private async fetch(): Promise<void> {
    const { source } = this
    const url = source['idp-metadata-url']
    if (url === undefined) return
    const { clock, health, log } = this.parts
    this.lastTry = clock.monotonic()
    try {
      const text = await fetchText(url, METADATA_LIMITS.bytes)
      if (this.source !== source) return
      const before = this.known
      this.take(text, source)
      this.keep(text)
      health.clear(HEALTH)
      if (before && before.certificates.join() !== this.known?.certificates.join()) log.info('the identity provider has other certificates', { certificates: this.known?.certificates.length })
      this.again(REFRESH_MS)
    } catch (error) {
      const reason = error instanceof PeerError ? `the document ${error.message}` : error instanceof Error ? error.message : String(error)
      health.raise(HEALTH, this.known ? 'warning' : 'error', `metadata of the identity provider cannot be fetched from ${url}: ${reason}${this.known ? '; the last good ones are used' : '; nobody can log in by SAML'}`)
      log.warn('metadata of the identity provider cannot be fetched', { url, reason })
      this.again(RETRY_MS)
    }
  }

  private tryFile(): void {
    try {
      this.readFile(this.source)
    } catch (error) {
      if (!(error instanceof PeerError)) throw error
      this.parts.health.raise(HEALTH, 'error', `metadata of the identity provider cannot be used: ${error.message}; nobody can log in by SAML`)
      this.parts.log.error('metadata of the identity provider cannot be used', { reason: error.message })
    }
  }

  private readFile(source: Source): void {
    const file = source['idp-metadata-file'] ?? ''
    try {
      this.take(decodeUtf8(readWhole(file, METADATA_LIMITS.bytes).bytes), source)
      this.parts.health.clear(HEALTH)
    } catch (error) {
      if (error instanceof FileRefusal) throw new PeerError('SAML', `${file}: ${error.message}`, { cause: error })
      if (error instanceof PeerError) throw new PeerError('SAML', `${file}: ${error.message}`, { cause: error })
      throw error
    }
  }

  private take(text: string, source: Source): void {
    this.known = readIdpMetadata(text, source['idp-entity-id'], this.parts.clock.now())
  }

  private get kept(): string {
    return join(this.parts.directory(), 'idp-metadata.xml')
  }
  private keep(text: string): void {
    try {
      writeFileSync(`${this.kept}.new`, text, { mode: 0o600 })
      renameSync(`${this.kept}.new`, this.kept)
    } catch (error) {
      this.parts.log.warn('metadata of the identity provider cannot be kept', { error })
    }
  }
  private recall(): void {
    if (!existsSync(this.kept)) return
    try {
      this.take(readFileSync(this.kept, 'utf8'), this.source)
    } catch (error) {
      this.parts.log.warn('the metadata kept of the identity provider are not usable', { reason: error instanceof Error ? error.message : String(error) })
    }
  }

  private again(ms: number): void {
    this.timer?.cancel()
    if (!this.stopped) this.timer = this.parts.clock.after(ms, () => void this.refresh())
  }
}
