import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import type { Health } from '../health.ts'
import type { CookieKey } from './cookie.ts'

/** A new key seals new sessions after this long. */
export const ROTATE_AFTER_MS = 24 * 3600_000

const KeyFile = z.strictObject({
  keys: z.array(z.strictObject({ id: z.string().regex(/^[0-9a-f]{12}$/), key: z.string().regex(/^[0-9a-f]{64}$/), made: z.number() })).max(100_000),
})
interface Entry extends CookieKey {
  /** Wall clock, ms. */
  readonly made: number
}

/**
 * The keys of the cookies, in a file of mode 0600 that is replaced as a whole. A session keeps the key it was made
 * under, so a key is dropped only when no session needs it.
 */
export class CookieKeys {
  private readonly keys = new Map<string, Entry>()
  private newest: Entry
  /** Monotonic time at which the newest has to go. */
  private rotateAt: number

  constructor(
    private readonly file: string,
    private readonly clock: Clock,
    private readonly health: Health,
  ) {
    for (const entry of this.load()) this.keys.set(entry.id, entry)
    const last = [...this.keys.values()].at(-1)
    this.newest = last ?? this.make()
    const age = Math.min(Math.max(clock.now() - this.newest.made, 0), ROTATE_AFTER_MS)
    this.rotateAt = clock.monotonic() + ROTATE_AFTER_MS - age
    if (!last) this.save()
  }

  get(id: string): CookieKey | undefined {
    return this.keys.get(id)
  }
  current(): CookieKey {
    return this.newest
  }

  /** A new key when it is time; those that no session needs any more go. `neededIds` is asked then only. */
  rotate(neededIds: () => ReadonlySet<string>): void {
    if (this.clock.monotonic() < this.rotateAt) return
    const needed = neededIds()
    this.rotateAt = this.clock.monotonic() + ROTATE_AFTER_MS
    const before = { newest: this.newest, keys: [...this.keys.values()] }
    this.newest = this.make()
    for (const { id } of before.keys) if (!needed.has(id)) this.keys.delete(id)
    if (this.save()) return
    // A key that no restart would find again seals nothing while there is an older one.
    this.newest = before.newest
    this.keys.clear()
    for (const entry of before.keys) this.keys.set(entry.id, entry)
  }

  private make(): Entry {
    const entry = { id: randomBytes(6).toString('hex'), key: randomBytes(32), made: this.clock.now() }
    this.keys.set(entry.id, entry)
    return entry
  }

  private load(): Entry[] {
    let text: string
    try {
      text = readFileSync(this.file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
    try {
      return KeyFile.parse(JSON.parse(text)).keys.map(({ id, key, made }) => ({ id, key: Buffer.from(key, 'hex'), made }))
    } catch {
      // Not the parser's text: it would quote keys.
      this.health.raise('COOKIE_KEYS', 'error', `${this.file} is damaged: new keys were made, clients have to log in again`)
      return []
    }
  }

  private save(): boolean {
    const keys = [...this.keys.values()].map(({ id, key, made }) => ({ id, key: Buffer.from(key).toString('hex'), made }))
    try {
      const fresh = `${this.file}.new`
      const fd = openSync(fresh, 'w', 0o600)
      try {
        writeSync(fd, JSON.stringify({ keys }))
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(fresh, this.file)
      this.health.clear('COOKIE_KEYS_UNSAVED')
      return true
    } catch (error) {
      this.health.raise('COOKIE_KEYS_UNSAVED', 'error', `${this.file} cannot be written (${(error as NodeJS.ErrnoException).code}): cookie keys are not renewed`)
      return false
    }
  }
}
