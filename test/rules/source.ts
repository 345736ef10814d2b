import { readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

export const root = resolve(import.meta.dirname, '../..')

const ignored = new Set(['node_modules', 'dist', 'run', 'testdata', 'corpus', 'coverage'])

/** Every file below the folders with that ending, relative to the repository. */
export function filesBelow(folders: readonly string[], ending: string): string[] {
  const walk = (path: string): string[] => {
    if (!statSync(path).isDirectory()) return path.endsWith(ending) ? [relative(root, path)] : []
    return readdirSync(path)
      .filter((name) => !ignored.has(name) && !name.startsWith('.') && !name.startsWith('build'))
      .flatMap((name) => walk(join(path, name)))
  }
  return folders.flatMap((folder) => walk(join(root, folder))).sort()
}

export const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** What a TypeScript file imports: own files as paths relative to the repository, packages as their names. */
export function importsOf(file: string): string[] {
  const found = ts.preProcessFile(read(file), true, true).importedFiles.map((entry) => entry.fileName)
  return found.map((name) => (name.startsWith('.') ? relative(root, resolve(join(root, dirname(file)), name)) : name))
}
