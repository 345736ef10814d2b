import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Names of the namespaces and directories of a lab start with `ptlab<owner>-`, so that a crashed owner's can be told. */
export const prefix = (owner: number): string => `ptlab${owner}-`
const OWNED = /^ptlab(\d+)-/
const RUN = '/run/netns'

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`)
const entries = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : [])

export function processesIn(name: string): number[] {
  const listed = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' })
  return (listed.stdout ?? '').split('\n').map(Number).filter((pid) => pid > 1 && pid !== process.pid)
}

/** Ends every process inside a namespace. Synchronous: it also runs while the process exits. */
export function killProcesses(name: string): void {
  for (const pid of processesIn(name)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

export function removeNamespace(name: string): void {
  killProcesses(name)
  spawnSync('ip', ['netns', 'del', name])
}

/** Removes what labs of `owner` left; without an owner, what labs of dead owners left. */
export function sweep(owner?: number): void {
  const stale = (name: string): boolean => {
    const pid = Number(OWNED.exec(name)?.[1] ?? 0)
    return pid > 0 && (owner === undefined ? !alive(pid) : pid === owner)
  }
  for (const name of entries(RUN).filter(stale)) removeNamespace(name)
  for (const name of entries(tmpdir()).filter(stale)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
}

/** Processes of this machine whose command line names `text`; for tests that nothing was left behind. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text)
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code
        if (code === 'ENOENT' || code === 'ESRCH') return false
        throw error
      }
    })
    .map(Number)
}
