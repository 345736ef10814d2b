import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

/** A package that takes long to read and that most processes never need: it is read when it is first asked for. */
export function library<T>(name: string): () => T {
  let loaded: T | undefined
  return () => (loaded ??= load(name) as T)
}
