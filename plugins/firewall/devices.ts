import { readFileSync } from 'node:fs'

/** Names of the network devices of this process's network namespace. `/sys` may show another one's. */
export function deviceNames(text = readFileSync('/proc/self/net/dev', 'utf8')): ReadonlySet<string> {
  return new Set(text.split('\n').slice(2).flatMap((line) => /^\s*(\S+):/.exec(line)?.[1] ?? []))
}
