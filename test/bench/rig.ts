import { makeCertificate, type Certificate } from '../lab/certificate.ts'
import { Gateway } from '../lab/gateway.ts'
import { Lab } from '../lab/lab.ts'
import { Ocserv } from '../lab/ocserv.ts'

export type SideName = 'postern' | 'ocserv'

/** One server in a lab of its own; both sides are up during the whole bench. */
export interface Side {
  readonly name: SideName
  readonly lab: Lab
  readonly pin: string
  readonly pid: number
}

export interface Rig {
  readonly postern: Side & { readonly gateway: Gateway }
  readonly ocserv: Side
  readonly sides: readonly Side[]
  close(): Promise<void>
}

export interface RigOptions {
  readonly users: Readonly<Record<string, string>>
  /** Tunnel MTU of Postern, bytes, and the link MTU that makes ocserv arrive at the same. */
  readonly mtu: { readonly tunnel: number; readonly ocserv: number }
  /** Replaces the making of users on either side. */
  readonly posternUsers?: (gateway: Gateway) => Promise<void>
}

/** Two labs, the same certificate (ECDSA P-256) and users, TLS only. */
export async function openRig(options: RigOptions): Promise<Rig> {
  const posternLab = await Lab.open()
  const ocservLab = await Lab.open()
  const close = async (): Promise<void> => {
    await posternLab.close()
    await ocservLab.close()
  }
  try {
    const certificate: Certificate = await makeCertificate(posternLab.folder)
    const gateway = await Gateway.prepare(posternLab, {
      certificates: [certificate],
      config: { policy: { mtu: options.mtu.tunnel }, firewall: { masquerade: false } },
    })
    if (options.posternUsers) await options.posternUsers(gateway)
    else for (const [name, password] of Object.entries(options.users)) await gateway.addUser(name, password)
    await gateway.start()
    const ocserv = await Ocserv.start(ocservLab, { certificate, users: options.users, mtu: options.mtu.ocserv, cheapHashes: true })
    const postern = { name: 'postern', lab: posternLab, pin: certificate.pin, pid: gateway.pid, gateway } as const
    const rival = { name: 'ocserv', lab: ocservLab, pin: certificate.pin, pid: ocserv.pid } as const
    return { postern, ocserv: rival, sides: [postern, rival], close }
  } catch (error) {
    await close()
    throw error
  }
}
