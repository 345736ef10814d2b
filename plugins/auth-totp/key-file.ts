import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import type { Health } from '../../core/api.ts'

/**
 * The key under which the secrets are sealed: 64 hex digits in a file of mode 0600, made when there is none. A damaged
 * one is moved aside, so that who knows better can put it right.
 */
export function keyFrom(file: string, health: Pick<Health, 'raise'>): Uint8Array {
  const text = written(file)
  if (text !== undefined && /^[0-9a-f]{64}\n?$/.test(text)) return Buffer.from(text.trim(), 'hex')
  if (text !== undefined) {
    renameSync(file, `${file}.damaged`)
    health.raise('TOTP_KEY', 'error', `${file} was damaged and is ${file}.damaged now: nobody's second factor is readable; restore the file, or take them away with postern user totp NAME --reset`)
  }
  const key = randomBytes(32)
  const fresh = `${file}.new`
  const fd = openSync(fresh, 'w', 0o600)
  try {
    writeSync(fd, `${key.toString('hex')}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(fresh, file)
  return key
}

function written(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
