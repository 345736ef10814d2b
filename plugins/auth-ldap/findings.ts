import { createSecureContext } from 'node:tls'
import { FileRefusal, nameFinding, type CheckFinding } from '../../core/api.ts'
import type { AuthLdapConfig, ServerConfig } from './config.ts'
import { tlsOptions } from './connect.ts'
import { decidesGroups } from './groups.ts'

/** What `postern check` sees without asking a server: names that do not resolve, a CA that is none, who is let in. */
export async function ldapFindings(section: AuthLdapConfig): Promise<readonly CheckFinding[]> {
  const everybody: readonly CheckFinding[] = decidesGroups(section) ? [] : [{ severity: 'warning', text: 'neither group-from nor group-filter: everybody that user-filter finds is let into any group of the gateway' }]
  return [...(await Promise.all(section.server.map(async (server) => [...(await nameFinding(server)), ...caFindings(server)]))).flat(), ...everybody]
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
