import type { DataPlane, DataPlaneHandler } from './dataplane.ts'
import type { Logger } from './log.ts'
import type { TunnelReports } from './session/tunnel-reports.ts'
import type { Slots } from './slots.ts'

/** The data plane's events to whom they belong: tunnels to the sessions, connections to the transport in front. */
export function connectionRelay(slots: Slots, reports: TunnelReports, dataPlane: DataPlane, log: Logger): DataPlaneHandler {
  const guarded = (fn: () => void): void => {
    try {
      fn()
    } catch (error) {
      log.error('a connection event failed', { error })
    }
  }
  const transport = () => slots.connections.get()
  return {
    connection(info) {
      const listener = transport()
      if (listener) guarded(() => listener.connection(info))
      else dataPlane.destroy(info.handle, false)
    },
    data: (handle, seq, bytes) => guarded(() => transport()?.data(handle, seq, bytes)),
    end: (handle) => guarded(() => transport()?.end(handle)),
    closed: (handle, failed) => guarded(() => transport()?.closed(handle, failed)),
    flushed: (handle) => guarded(() => transport()?.flushed(handle)),
    tunnelUp: (tunnel) => guarded(() => reports.tunnelUp(tunnel)),
    tunnelDown: (tunnel, down) => guarded(() => reports.tunnelDown(tunnel, down)),
    dtlsUp: (tunnel, cipher, former) => guarded(() => reports.dtlsUp(tunnel, cipher, former)),
    dtlsDown: (tunnel, reason) => guarded(() => reports.dtlsDown(tunnel, reason)),
    roamed: (tunnel, peer) => guarded(() => reports.roamed(tunnel, peer)),
    silence: (tunnel, seconds, survived) => guarded(() => reports.silence(tunnel, seconds, survived)),
    pathMtu: (tunnel, mtu) => guarded(() => reports.pathMtu(tunnel, mtu)),
  }
}
