import type { Terminal } from './terminal.ts'

const PATIENCE_MS = 2_000

/** Shows on standard error that work goes on, once it has taken two seconds; nothing where nobody sits. */
export async function withProgress<T>(terminal: Terminal, work: Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  if (!terminal.showsProgress) return work
  const started = performance.now()
  let shown = false
  const show = (): void => {
    shown = true
    terminal.complain(`\r\x1b[Kworking, ${Math.round((performance.now() - started) / 1000)} s`)
  }
  let timer = setTimeout(() => {
    show()
    timer = setInterval(show, 1_000)
  }, patienceMs)
  try {
    return await work
  } finally {
    clearTimeout(timer)
    if (shown) terminal.complain('\r\x1b[K')
  }
}
