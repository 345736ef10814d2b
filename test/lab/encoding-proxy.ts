import { resolve } from 'node:path'
import type { Certificate } from './certificate.ts'
import { Service } from './command.ts'
import { GATEWAY, type Lab } from './lab.ts'

const PORT = 8443

/** Starts the proxy beside the gateway, with its certificate; returns what a client dials in the place of the gateway. */
export async function offerEncodings(lab: Lab, { certificate, key }: Certificate, encodings: string): Promise<string> {
  const service = new Service([process.execPath, resolve(import.meta.dirname, 'peers/encoding-proxy.mjs'), `${PORT}`, certificate, key, encodings], { namespace: lab.gateway.namespace })
  lab.onReset(() => service.stop('SIGKILL'))
  await service.until('listening', () => service.stdout.includes('listening'))
  return `${GATEWAY.ipv4}:${PORT}`
}
