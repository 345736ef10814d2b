import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

const SCRIPT = resolve(import.meta.dirname, '../../scripts/openconnect-openssl.sh')

/**
 * Path of the openconnect built with OpenSSL; built once a machine by `scripts/install-peers.sh`. Undefined, with one `SKIP`
 * line, where Debian's source package cannot be had.
 */
export function opensslOpenConnect(): string | undefined {
  try {
    return execFileSync(SCRIPT, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  } catch (error) {
    const { stderr } = error as { stderr?: string }
    process.stdout.write(`SKIP ${stderr?.trim().split('\n').at(-1) ?? String(error)}\n`)
    return undefined
  }
}
