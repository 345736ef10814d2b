import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, FileRefusal, readWhole } from '../../core/api.ts'
import { CONF_LIMIT, parseConf, type ConfText } from './conf-text.ts'
import { NO_MATERIAL, type Material, type NamedFiles } from './files-named.ts'
import type { Findings } from './finding.ts'
import { parsePasswords, PASSWORD_FILE_LIMIT, type PasswordEntry } from './password-file.ts'

/** Files in a directory of users or groups. */
const FILES_LIMIT = 20_000

/** ocserv.conf or one of its like. Throws ConfigError. */
export const readConf = (file: string): ConfText => parseConf(bytesOf(file, CONF_LIMIT), file)

/** Everything that ocserv.conf names and the import needs. Throws ConfigError at the first that cannot be read. */
export function readMaterial(named: NamedFiles, findings: Findings): Material {
  const one = (file: string | undefined): ConfText | undefined => (file === undefined ? undefined : readConf(file))
  return {
    ...NO_MATERIAL,
    passwords: named.passwords === undefined ? [] : readPasswords(named.passwords, findings),
    users: readFolder(named.users), groups: readFolder(named.groups), defaultUser: one(named.defaultUser), defaultGroup: one(named.defaultGroup),
  }
}

function readPasswords(file: string, findings: Findings): readonly PasswordEntry[] {
  if (existsSync(file)) return parsePasswords(bytesOf(file, PASSWORD_FILE_LIMIT), file)
  // As the sample of ocserv names it, before anybody has made it.
  findings.add('refused', { name: 'auth', file }, 'no such file: no users are imported')
  return []
}

/** Symbolic links are refused: they lead out of the directory, and ocserv since 1.5.1 refuses the login. */
function readFolder(folder: string | undefined): ReadonlyMap<string, ConfText> {
  if (folder === undefined) return new Map()
  let names: string[]
  try {
    names = readdirSync(folder).sort()
  } catch (error) {
    throw new ConfigError(`cannot be listed: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, { file: folder }, { cause: error })
  }
  if (names.length > FILES_LIMIT) throw new ConfigError(`holds ${names.length} files; at most ${FILES_LIMIT} are read`, { file: folder })
  return new Map(names.filter((name) => !name.startsWith('.') && !name.endsWith('~')).map((name) => {
    const file = join(folder, name)
    if (!lstatSync(file).isFile()) throw new ConfigError('is not a regular file', { file })
    return [name, readConf(file)]
  }))
}

function bytesOf(file: string, limit: number): Uint8Array {
  try {
    return readWhole(file, limit).bytes
  } catch (error) {
    if (error instanceof FileRefusal) throw new ConfigError(error.message, { file }, { cause: error })
    throw error
  }
}
