import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writePrivately, type Clock, type Health } from '../../core/api.ts'
import type { Fetch } from './bounded-fetch.ts'
import { nextUpdateOf } from './list-times.ts'
import { listsIn, MAX_LIST_BYTES } from './pem-blocks.ts'
import type { OtherTrust } from './trust-files.ts'
import type { TrustParts } from './trust.ts'

const TICK_MS = 600_000
const EVERY_MS = 3_600_000
const LIMIT_MS = 20_000

export interface ListFetcherParts {
  readonly directory: string
  readonly urls: () => readonly string[]
  readonly readable: (list: Uint8Array) => boolean
  readonly clock: Clock
  readonly health: Health
  readonly fetch: Fetch
  /** There is another list. */
  readonly changed: () => void
}

/** Revocation lists from URLs: fetched every hour and before they end; the last good one is on disk. */
export class ListFetcher implements OtherTrust {
  private readonly fetchedAt = new Map<string, number>()
  private timer: { cancel(): void } | undefined
  private round: Promise<void> = Promise.resolve()

  constructor(private readonly ports: ListFetcherParts) {}

  /** Also after a change of the URLs; does not wait for what it starts. */
  start(): void {
    this.timer?.cancel()
    this.round = this.round.then(() => this.look())
    this.timer = this.ports.clock.after(TICK_MS, () => this.start())
  }
  async stop(): Promise<void> {
    this.timer?.cancel()
    await this.round
  }
  /** The round under way. */
  settled(): Promise<void> {
    return this.round
  }

  parts(): TrustParts {
    return { authorities: '', lists: this.ports.urls().flatMap((url) => this.kept(url)) }
  }

  private async look(): Promise<void> {
    const failed: string[] = []
    let changed = false
    for (const url of this.ports.urls()) {
      if (!this.due(url)) continue
      try {
        changed = await this.fetch(url) || changed
      } catch (error) {
        failed.push(`${url}: ${error instanceof Error && error.cause instanceof Error ? error.cause.message : error instanceof Error ? error.message : String(error)}`)
      }
    }
    if (failed.length > 0) this.ports.health.raise('CLIENT_CRL_URL', 'warning', `a revocation list cannot be fetched, the last one counts: ${failed.join('; ')}`)
    else this.ports.health.clear('CLIENT_CRL_URL')
    if (changed) this.ports.changed()
  }

  private due(url: string): boolean {
    const now = this.ports.clock.now()
    const ends = this.kept(url).flatMap((list) => nextUpdateOf(list) ?? [])
    return now - (this.fetchedAt.get(url) ?? 0) >= EVERY_MS || ends.some((end) => end - now < TICK_MS)
  }

  /** Whether it is another one than before. */
  private async fetch(url: string): Promise<boolean> {
    const lists = listsIn(await this.ports.fetch(url, { limitBytes: MAX_LIST_BYTES, limitMs: LIMIT_MS }))
    if (lists.length === 0 || !lists.every((list) => this.ports.readable(list))) throw new Error('is no revocation list')
    const before = this.kept(url)
    // Who stands in the way may not bring back a list of before a revocation.
    const ended = (all: readonly Uint8Array[]): number => Math.min(...all.map((list) => nextUpdateOf(list) ?? Infinity))
    if (before.length > 0 && ended(lists) < ended(before)) throw new Error('is older than the one before')
    this.fetchedAt.set(url, this.ports.clock.now())
    if (Buffer.concat(lists).equals(Buffer.concat(before))) return false
    writePrivately(this.fileOf(url), lists.map((list) => `-----BEGIN X509 CRL-----\n${Buffer.from(list).toString('base64')}\n-----END X509 CRL-----\n`).join(''))
    return true
  }

  private kept(url: string): readonly Uint8Array[] {
    const file = this.fileOf(url)
    return existsSync(file) ? listsIn(readFileSync(file)) : []
  }
  private fileOf(url: string): string {
    return join(this.ports.directory, `${createHash('sha256').update(url).digest('hex').slice(0, 32)}.crl`)
  }
}
