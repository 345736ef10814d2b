import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { fileProblem } from '../config/files.ts'
import { GatewayError } from '../errors.ts'

/** Replaces or makes a file in one step, 0600; its folder is made 0700. Never leaves half a file under that name. */
export function writePrivately(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    const handle = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(handle, content)
      fsyncSync(handle)
      renameSync(temporary, file)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    throw new GatewayError('TLS_CERTIFICATE', `${file}: cannot be written: ${fileProblem(error)}`, { cause: error })
  }
}
