import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { CheckFinding } from '../plugin.ts'

/** A server of the configuration whose name does not resolve, as `postern check` says it. */
export async function nameFinding({ name, host }: { readonly name: string; readonly host: string }): Promise<readonly CheckFinding[]> {
  if (isIP(host) !== 0) return []
  try {
    await lookup(host)
    return []
  } catch (error) {
    return [{ severity: 'warning', text: `server ${name}: the name does not resolve (${(error as NodeJS.ErrnoException).code ?? 'no address'})` }]
  }
}
