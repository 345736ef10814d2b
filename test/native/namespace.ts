import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MARK = 'POSTERN_TEST_NAMESPACE'

/**
 * Runs the calling test file again inside a network namespace of its own with loopback up, and ends this process with
 * its exit code; returns only inside. A TUN device made there never meets the host's routes.
 */
export function insideOwnNamespace(fileUrl: string): void {
  if (process.env[MARK] === '1') return
  const inner = [process.execPath, ...process.execArgv, fileURLToPath(fileUrl), ...process.argv.slice(2)]
  const { status, signal } = spawnSync('unshare', ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...inner], {
    stdio: 'inherit', env: { ...process.env, [MARK]: '1' },
  })
  if (signal !== null) process.kill(process.pid, signal)
  process.exit(status ?? 1)
}
