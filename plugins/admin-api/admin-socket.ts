import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { GatewayError } from '../../core/api.ts'

/** sockaddr_un.sun_path with its final zero is 108 bytes on Linux; libuv would cut it silently. */
const PATH_LIMIT = 107
/** For commands that run when the gateway stops. */
const GRACE_MS = 2_000

/** Id of a group in `/etc/group`, or undefined. */
export function groupId(name: string, groups = '/etc/group'): number | undefined {
  const line = readFileSync(groups, 'utf8').split('\n').find((one) => one.startsWith(`${name}:`))
  const id = Number(line?.split(':')[2])
  return line === undefined || !Number.isInteger(id) ? undefined : id
}

/** Lets the members of a group (its id) open the socket too. Throws what the kernel says. */
export function shareWith(path: string, group: number): void {
  chownSync(path, -1, group)
  chmodSync(path, 0o660)
}

/**
 * Listens on a unix socket that only its owner may open. Replaces what a crashed gateway left; refuses when somebody
 * answers there. Resolves with the function that closes and removes it.
 */
export async function listenOn(server: Server, path: string): Promise<() => Promise<void>> {
  if (Buffer.byteLength(path) > PATH_LIMIT) throw new GatewayError('CONFIG', `${path}: a unix socket's path has at most ${PATH_LIMIT} bytes; choose a shorter data directory`)
  await removeStale(path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new GatewayError('REFUSED', `${path}: ${error.message}`, { cause: error })))
    // node binds within the call: there is no moment with a wider mode.
    const umask = process.umask(0o177)
    try {
      server.listen(path, resolve)
    } finally {
      process.umask(umask)
    }
  })
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
      setTimeout(() => server.closeAllConnections(), GRACE_MS).unref()
    })
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (!found) return
  if (!found.isSocket()) throw new GatewayError('REFUSED', `${path} is in the way: it is not a socket`)
  if (await answers(path)) throw new GatewayError('ALREADY_RUNNING', `a gateway answers on ${path} already`)
  unlinkSync(path)
}

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
