import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { FileRefusal, type CheckFinding } from '../../core/api.ts'
import type { AuthLdapConfig, ServerConfig } from './config.ts'
import { tlsOptions } from './connect.ts'
import { decidesGroups } from './groups.ts'

/** What `postern check` sees without asking a server: names that do not resolve, a CA that is none, who is let in. */
export async function ldapFindings(section: AuthLdapConfig): Promise<readonly CheckFinding[]> {
  const everybody: readonly CheckFinding[] = decidesGroups(section) ? [] : [{ severity: 'warning', text: 'neither group-from nor group-filter: everybody that user-filter finds is let into any group of the gateway' }]
  return [...(await Promise.all(section.server.map(async (server) => [...(await nameFindings(server)), ...caFindings(server)]))).flat(), ...everybody]
}

async function nameFindings({ name, host }: ServerConfig): Promise<readonly CheckFinding[]> {
  if (isIP(host) !== 0) return []
  try {
    await lookup(host)
    return []
  } catch (error) {
    return [{ severity: 'warning', text: `server ${name}: the name does not resolve (${(error as NodeJS.ErrnoException).code ?? 'no address'})` }]
  }
}

function caFindings(server: ServerConfig): readonly CheckFinding[] {
  if (server.ca === undefined) return []
  try {
    const { ca } = tlsOptions(server)
    createSecureContext({ ca })
    return []
  } catch (error) {
    if (!(error instanceof FileRefusal) && (error as NodeJS.ErrnoException).code === undefined) throw error
    return [{ severity: 'error', text: `server ${server.name}: ca cannot be used: ${(error as Error).message}` }]
  }
}
