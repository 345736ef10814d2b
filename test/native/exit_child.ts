/**
 * A gateway that ends in one of many ways while clients log in: `node exit_child.mjs MODE PORT LOCKS ADDON CONTEXTS`.
 * Prints its port; does what MODE says when it reads a line, or by itself some turns later.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { DataPlane, DataPlaneHandler, TlsContextSpec, TunnelHandle } from '../../core/dataplane.ts'
import { DEFAULT_LIMITS } from '../../core/dataplane.ts'
import { createDataPlane } from '../../native/index.ts'

const argv = (isMainThread ? process.argv.slice(2) : (workerData as { argv: string[] }).argv)
const [mode = '', port = '0', lockDirectory = '', addon = '', contexts = '[]'] = argv

function open(role: string): DataPlane {
  const plane = createDataPlane(addon)
  let tunnel = 0
  let chunks = 0
  const handler: DataPlaneHandler = {
    connection: () => undefined,
    data: (handle, seq) => {
      if (++chunks === 40 && role === 'batch-exit') process.exit(7)
      if (chunks === 40 && role === 'handler-throw') throw new Error('thrown in a handler')
      if (chunks % 3 === 0) {
        plane.promote({
          connection: handle, tunnel: ++tunnel as TunnelHandle, spec: { ipv4: `10.217.0.${(tunnel % 250) + 2}`, mtu: 1300, dpdSec: 0, dpdRetries: 3, keepaliveSec: 0 },
          head: Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), early: Buffer.alloc(0), seen: seq,
        })
        return
      }
      plane.write(handle, Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), false)
      if (chunks % 3 === 1) plane.end(handle)
      else plane.grant(handle, seq)
    },
    end: (handle) => plane.end(handle),
    closed: () => undefined,
    flushed: () => undefined,
    tunnelUp: () => undefined,
    tunnelDown: () => undefined,
    dtlsUp: () => undefined,
    dtlsDown: () => undefined,
    roamed: () => undefined,
    silence: () => undefined,
    pathMtu: () => undefined,
  }
  const info = plane.open({
    listen: [{ address: '127.0.0.1', port: Number(port) }], device: 'pte%d', addresses: ['10.217.0.1/24'], routes: [], mtu: 1400, workers: 2, lockDirectory, limits: { ...DEFAULT_LIMITS, connectionsPerAddress: 500 },
  }, JSON.parse(contexts) as TlsContextSpec[], handler)
  const chosen = info.listeners[0]?.port ?? 0
  if (isMainThread) process.stdout.write(`${chosen}\n`)
  else parentPort?.postMessage(chosen)
  return plane
}
const line = async (): Promise<void> => {
  await once(process.stdin, 'data')
  process.stdin.pause()
}

async function main(): Promise<void> {
  if (mode.startsWith('worker-')) {
    const worker = new Worker(fileURLToPath(import.meta.url), { argv, workerData: { argv }, execArgv: [] })
    const [chosen] = await once(worker, 'message') as [number]
    process.stdout.write(`${chosen}\n`)
    if (mode === 'worker-second') {
      let told = 'opened'
      try {
        open(mode)
      } catch (error) {
        told = String(error)
      }
      if (!told.includes('another thread of this process owns')) process.exit(9)
    }
    await line()
    if (mode === 'worker-exit') {
      worker.postMessage('exit')
      await once(worker, 'exit')
    } else await worker.terminate()
    if (mode === 'worker-reopen') {
      const plane = open('stop')
      await new Promise((done) => setTimeout(done, 50))
      plane.stop()
    }
    return
  }
  const plane = open(mode)
  if (mode === 'signal') {
    process.on('SIGTERM', () => {
      plane.stop()
      process.exit(0)
    })
  }
  await line()
  if (mode === 'exit') process.exit(7)
  if (mode === 'really-exit') (process as unknown as { reallyExit(code: number): never }).reallyExit(7)
  if (mode === 'throw') setImmediate(() => { throw new Error('thrown outside') })
  if (mode === 'stop') {
    plane.stop()
    plane.stop()
  }
}

if (isMainThread) await main()
else {
  open(mode)
  parentPort?.on('message', () => process.exit(3))
}
