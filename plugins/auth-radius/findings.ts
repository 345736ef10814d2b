import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { FileRefusal, type CheckFinding } from '../../core/api.ts'
import type { AuthRadiusConfig, ServerConfig } from './config.ts'
import { tlsOptions } from './link.ts'

const SHORT_SECRET = 8

/** What `postern check` sees without asking a server: names that do not resolve, files of RadSec, secrets that can be guessed. */
export async function radiusFindings({ server: servers }: Pick<AuthRadiusConfig, 'server'>): Promise<readonly CheckFinding[]> {
  return (await Promise.all(servers.map(async (server) => [...(await nameFindings(server)), ...secretFindings(server), ...fileFindings(server)]))).flat()
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
