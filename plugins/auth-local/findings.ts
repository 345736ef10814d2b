import type { CheckFinding } from '../../core/api.ts'
import { isBreached } from './breached-passwords.ts'
import type { AuthLocalConfig } from './config.ts'

/** `postern check`: a list of breached passwords that is not usable. */
export async function breachedFindings({ 'breached-passwords-file': file }: AuthLocalConfig): Promise<readonly CheckFinding[]> {
  if (file === undefined) return []
  try {
    await isBreached(file, '')
    return []
  } catch (error) {
    return [{ severity: 'error', text: `[auth-local] breached-passwords-file: ${file}: ${error instanceof Error ? error.message : String(error)}` }]
  }
}
