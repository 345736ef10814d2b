import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks a second of /proc/PID/stat (USER_HZ), fixed at 100 on every Linux. */
const TICKS = 100

interface Process {
  readonly pid: number
  readonly parent: number
  /** Own user and system time and that of children already waited for, ticks. */
  readonly ticks: number
}

function processes(): Process[] {
  const found: Process[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      // Behind the last parenthesis of the command name: state ppid … utime(14) stime(15) cutime(16) cstime(17).
      const text = readFileSync(`/proc/${name}/stat`, 'latin1')
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number)
      const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15)
      found.push({ pid: Number(name), parent: fields[1] ?? 0, ticks: utime + stime + cutime + cstime })
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code !== 'ENOENT' && code !== 'ESRCH') throw error
    }
  }
  return found
}

/** CPU seconds of a process, of all its descendants, and of those that have ended and were waited for. */
export function cpuSeconds(root: number): number {
  const all = processes()
  const tree = new Set([root])
  let before: number
  do {
    before = tree.size
    for (const { pid, parent } of all) if (tree.has(parent)) tree.add(pid)
  } while (tree.size > before)
  return all.filter(({ pid }) => tree.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS
}

/** Seconds of all cores together that this machine spent busy and in total, since boot. */
export function machine(): { readonly busy: number; readonly total: number } {
  const numbers = (readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '').split(/\s+/).slice(1, 9).map(Number)
  const total = numbers.reduce((sum, ticks) => sum + ticks, 0)
  const [, , , idle = 0, iowait = 0] = numbers
  return { busy: (total - idle - iowait) / TICKS, total: total / TICKS }
}
