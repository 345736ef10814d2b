import type { ConnectionHandle, ConnectionInfo } from '../core/dataplane.ts'

/** Payload of the `connection` event, as src/connection_info.h describes it. */
export function readConnectionInfo(handle: ConnectionHandle, bytes: Buffer): ConnectionInfo {
  let at = 12
  const pathMtu = bytes.readUInt16LE(8)
  const field = (): Buffer => {
    const start = at + 4
    at = start + bytes.readUInt32LE(at)
    return bytes.subarray(start, at)
  }
  const peerAddress = field().toString('latin1')
  const localAddress = field().toString('latin1')
  const serverName = field().toString('latin1')
  const tlsVersion = field().toString('latin1')
  const cipher = field().toString('latin1')
  const proxyAddress = field().toString('latin1')
  const channelBindings = [field(), field()].filter(({ length }) => length > 0).map((binding) => Buffer.from(binding))
  const peerCertificates: Uint8Array[] = []
  while (at < bytes.length) peerCertificates.push(Buffer.from(field()))
  return {
    handle,
    peer: { address: peerAddress, port: bytes.readUInt16LE(0) },
    local: { address: localAddress, port: bytes.readUInt16LE(2) },
    ...(proxyAddress === '' ? {} : { proxy: { address: proxyAddress, port: bytes.readUInt16LE(10) } }),
    ...(serverName === '' ? {} : { serverName }),
    tlsVersion,
    cipher,
    ...(pathMtu === 0 ? {} : { pathMtu }),
    channelBindings,
    peerCertificates,
    verifyResult: bytes.readUInt32LE(4),
  }
}
