import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test as register } from 'uvu'
import * as assert from 'uvu/assert'
import { Lab } from './lab.ts'

const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
const installed = (command: string): boolean => FOLDERS.some((folder) => existsSync(join(folder, command)))

/** What stands in the way of a lab here; undefined when nothing does. */
export function missing(commands: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces'
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun'
  const absent = ['ip', 'openssl', ...commands].filter((command) => !installed(command))
  return absent.length > 0 ? `not installed: ${absent.join(', ')}` : undefined
}

export interface LabTest {
  (name: string, body: (lab: Lab) => Promise<void>): void
  run(): void
}

/**
 * Tests that share one lab, opened by the first of them and removed after the last; whatever a test left running in it is
 * ended behind the test. Without the peers named, every test
 * passes unrun behind one `SKIP` line, which the runner shows, and refuses under CI.
 */
export function labTests(options: { readonly peers: readonly string[]; readonly clients?: number }): LabTest {
  const reason = missing(options.peers)
  if (reason !== undefined) process.stdout.write(`SKIP ${reason}\n`)
  let lab: Promise<Lab> | undefined
  const add = (name: string, body: (lab: Lab) => Promise<void>): void => {
    register(name, async () => {
      if (reason !== undefined) return
      lab ??= Lab.open({ clients: options.clients ?? 1 })
      const started = Date.now()
      try {
        await body(await lab)
      } finally {
        await (await lab).reset()
      }
      assert.equal((await lab).leaks.splice(0), [], 'secrets stand where they must not')
      if (process.env.LAB_TIMES) process.stdout.write(`${((Date.now() - started) / 1000).toFixed(1)} s  ${name}\n`)
    })
  }
  register.after(async () => {
    if (lab) await (await lab).close()
  })
  return Object.assign(add, { run: () => register.run() })
}
