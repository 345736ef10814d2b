import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Shorter ones stand in ordinary words. */
const SHORTEST = 8

/** Where a secret stands that must not, and the cookie of a session in any place: `the log: a password`. */
export function leaks(secrets: Iterable<string>, places: Readonly<Record<string, string>>): string[] {
  const wanted = [...new Set(secrets)].filter((secret) => secret.length >= SHORTEST)
  return Object.entries(places).flatMap(([place, text]) => [
    ...(wanted.some((secret) => text.includes(secret)) ? [`${place}: a password`] : []),
    ...(/webvpn=[\w+/=-]{20}/.test(text) ? [`${place}: a cookie`] : []),
  ])
}

/** Command lines and environments of these processes, one text. */
export const processTexts = (pids: readonly number[]): string =>
  pids.flatMap((pid) => ['cmdline', 'environ'].map((name) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, 'latin1')
    } catch (error) {
      // It has ended meanwhile.
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
      throw error
    }
  })).join('\0')

/** Every file below a folder, one text. */
export const folderText = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)).filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile()).map((path) => readFileSync(path, 'latin1')).join('\0')
