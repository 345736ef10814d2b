import { createSecureContext } from 'node:tls'
import { FileRefusal, nameFinding, type CheckFinding } from '../../core/api.ts'
import type { AuthRadiusConfig, ServerConfig } from './config.ts'
import { tlsOptions } from './link.ts'

const SHORT_SECRET = 8

/** What `postern check` sees without asking a server: names that do not resolve, files of RadSec, secrets that can be guessed. */
export async function radiusFindings({ server: servers }: Pick<AuthRadiusConfig, 'server'>): Promise<readonly CheckFinding[]> {
  return (await Promise.all(servers.map(async (server) => [...(await nameFinding(server)), ...secretFindings(server), ...fileFindings(server)]))).flat()
}

const secretFindings = ({ name, secret, tls }: ServerConfig): readonly CheckFinding[] =>
  tls || secret.reveal().length >= SHORT_SECRET ? [] : [{ severity: 'warning', text: `server ${name}: a secret of fewer than ${SHORT_SECRET} characters can be guessed by who sees one packet` }]

function fileFindings({ name, tls }: ServerConfig): readonly CheckFinding[] {
  if (!tls) return []
  try {
    const { ca, cert, key } = tlsOptions(tls)
    createSecureContext({ ca, cert, key })
    return []
  } catch (error) {
    if (!(error instanceof FileRefusal) && !(error as NodeJS.ErrnoException).code) throw error
    return [{ severity: 'error', text: `server ${name}: ca, certificate or key cannot be used: ${(error as Error).message}` }]
  }
}
