import { readdirSync, readFileSync } from 'node:fs'

const gone = (error: unknown): boolean => ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')

/** A process and all its descendants. */
export function processTree(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1')
      parents.set(Number(name), Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]))
    } catch (error) {
      if (!gone(error)) throw error
    }
  }
  const tree = [root]
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child)
  return tree
}

/** Resident memory of a process tree in kB: what it maps (`rss`), and that with pages shared out among their users (`pss`). */
export function memoryKb(root: number): { readonly rss: number; readonly pss: number } {
  let [rss, pss] = [0, 0]
  for (const pid of processTree(root)) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
      rss += Number(/^Rss:\s+(\d+)/m.exec(text)?.[1] ?? 0)
      pss += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0)
    } catch (error) {
      if (!gone(error)) throw error
    }
  }
  return { rss, pss }
}
