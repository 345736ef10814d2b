import { createHmac, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../core/api.ts'

const KEY_BYTES = 32

/**
 * The ids by which clients name their session in the ClientHello: X-DTLS-App-ID and X-DTLS-Session-ID.
 *
 * Clients that get another id at a reconnect start all over (reference/cisco section 5), so an id belongs to the session and
 * outlives the gateway's process. It is an HMAC of the session's id: nobody without the key can guess one or tell that two
 * belong to the same user, and no row has to be written for it. A key that is lost costs clients that restart, no more.
 */
export class ChannelIds {
  private readonly key: Uint8Array

  /** Reads the key in `directory` or makes one, mode 0600. */
  constructor(directory: string, log: Logger) {
    const file = join(directory, 'id-key')
    this.key = readKey(file, log) ?? makeKey(file)
  }

  /** 32 bytes. */
  of(session: string, mode: 'psk' | 'resumed'): Uint8Array {
    return createHmac('sha256', this.key).update(`${mode} ${session}`).digest()
  }
}

function readKey(file: string, log: Logger): Uint8Array | undefined {
  let key: Uint8Array
  try {
    key = readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (key.length === KEY_BYTES) return key
  log.warn('the key of the DTLS ids is damaged: a new one was made', { file })
  return undefined
}

function makeKey(file: string): Uint8Array {
  const key = randomBytes(KEY_BYTES)
  const fd = openSync(`${file}.new`, 'w', 0o600)
  try {
    writeSync(fd, key)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(`${file}.new`, file)
  return key
}
