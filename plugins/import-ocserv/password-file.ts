import { ConfigError, decodeText } from '../../core/api.ts'

/** One line of an ocpasswd file: `user:groups:hash`. */
export interface PasswordEntry {
  readonly name: string
  readonly groups: readonly string[]
  /** As crypt(3) wrote it, without the mark of a locked user. */
  readonly hash: string
  readonly locked: boolean
  readonly file: string
  readonly line: number
}

/** A name of a password file as people may read it: where a line is damaged, it may be part of a hash. */
export const shownName = (name: string): string => (/^[\w.@ /-]{1,64}$/.test(name) ? JSON.stringify(name) : 'a name with other characters')

/** Bytes of one file: some 100,000 users. */
export const PASSWORD_FILE_LIMIT = 16 * 1024 * 1024

/**
 * Users of an ocpasswd file (reference ocserv-conf B.9). Groups stand between commas, `*` is none, `!` before the hash locks.
 * Throws ConfigError, which never holds a hash.
 */
export function parsePasswords(bytes: Uint8Array, file: string): readonly PasswordEntry[] {
  return decodeText(bytes, file).split('\n').flatMap((raw, at) => {
    const line = raw.replace(/\r$/, '')
    if (line.trim() === '' || line.startsWith('#')) return []
    const fields = line.split(':')
    const [name = '', groups = '', secret = ''] = fields.map((field) => field.trim())
    if (fields.length < 3 || name === '' || /[\x00-\x1f\x7f]/.test(line)) throw new ConfigError('is not user:groups:hash', { file, line: at + 1 })
    return [{
      name, hash: secret.replace(/^!+/, ''), locked: secret.startsWith('!'), file, line: at + 1,
      groups: [...new Set(groups.split(',').map((group) => group.trim()).filter((group) => group !== '' && group !== '*'))],
    }]
  })
}
