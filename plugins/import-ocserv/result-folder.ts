import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { GatewayError } from '../../core/api.ts'

export const CONFIG_NAME = 'postern.toml'
export const REPORT_NAME = 'report.txt'

/**
 * The folder that an import writes: whole or not at all. The files are made beside it and moved in when everything else
 * is done.
 */
export class ResultFolder {
  private constructor(readonly folder: string, private readonly staged: string, private readonly fresh: boolean) {}

  /** Throws when the files are there already and may not be replaced. */
  static stage(folder: string, files: { readonly config: string; readonly report: string }, replace: boolean): ResultFolder {
    const path = resolve(folder)
    const taken = [CONFIG_NAME, REPORT_NAME].map((name) => join(path, name)).find((file) => existsSync(file))
    if (taken !== undefined && !replace) throw new GatewayError('REFUSED', `${taken} exists already; --replace replaces it`)
    const fresh = !existsSync(path)
    return translated(path, () => {
      mkdirSync(dirname(path), { recursive: true })
      const staged = mkdtempSync(join(fresh ? dirname(path) : path, `.${basename(path)}-import-`))
      try {
        writeFileSync(join(staged, CONFIG_NAME), files.config, { mode: 0o600 })
        writeFileSync(join(staged, REPORT_NAME), files.report, { mode: 0o600 })
      } catch (error) {
        rmSync(staged, { recursive: true, force: true })
        throw error
      }
      return new ResultFolder(path, staged, fresh)
    })
  }

  get stagedConfig(): string {
    return join(this.staged, CONFIG_NAME)
  }

  /** Moves the files to their place, the configuration last. `report`: another one than was staged. */
  commit(report?: string): void {
    translated(this.folder, () => {
      if (report !== undefined) writeFileSync(join(this.staged, REPORT_NAME), report, { mode: 0o600 })
      if (this.fresh && !existsSync(this.folder)) return renameSync(this.staged, this.folder)
      for (const name of [REPORT_NAME, CONFIG_NAME]) renameSync(join(this.staged, name), join(this.folder, name))
      this.discard()
    })
  }

  discard(): void {
    rmSync(this.staged, { recursive: true, force: true })
  }
}

function translated<T>(folder: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof GatewayError) throw error
    throw new GatewayError('REFUSED', `cannot write ${folder}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, { cause: error })
  }
}
