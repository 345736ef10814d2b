import type { TomlTable } from 'smol-toml'
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
  /** Default false: TLS only. */
  readonly dtls?: boolean
  /** Hosts behind each server. Default 1. */
  readonly clients?: number
  /** Default `ecdsa` (P-256). */
  readonly certificate?: 'ecdsa' | 'rsa'
  /** Further configuration of Postern. */
  readonly config?: TomlTable
  /** Replaces the making of users on either side. */
  readonly posternUsers?: (gateway: Gateway) => Promise<void>
}

/** Two labs, the same certificate and users. */
export async function openRig(options: RigOptions): Promise<Rig> {
  const { clients = 1 } = options
  const posternLab = await Lab.open({ clients })
  const ocservLab = await Lab.open({ clients })
  const close = async (): Promise<void> => {
    await posternLab.close()
    await ocservLab.close()
  }
  try {
    const certificate: Certificate = await makeCertificate(posternLab.folder, { kind: options.certificate ?? 'ecdsa' })
    const { policy, ...config } = options.config ?? {}
    const gateway = await Gateway.prepare(posternLab, {
      certificates: [certificate],
      config: {
        policy: { mtu: options.mtu.tunnel, ...(policy as TomlTable | undefined) },
        firewall: { masquerade: false },
        ...(options.dtls ? {} : { dtls: { enabled: false } }),
        ...config,
      },
    })
    if (options.posternUsers) await options.posternUsers(gateway)
    else for (const [name, password] of Object.entries(options.users)) await gateway.addUser(name, password)
    await gateway.start()
    const ocserv = await Ocserv.start(ocservLab, {
      certificate, users: options.users, mtu: options.mtu.ocserv, cheapHashes: true, dtls: options.dtls ?? false,
    })
    const postern = { name: 'postern', lab: posternLab, pin: certificate.pin, pid: gateway.pid, gateway } as const
    const rival = { name: 'ocserv', lab: ocservLab, pin: certificate.pin, pid: ocserv.pid } as const
    return { postern, ocserv: rival, sides: [postern, rival], close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Whoever starts a round has a warmer or colder machine: the sides take turns. */
export async function interleave(rig: Rig, rounds: number, measure: (side: Side, round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? rig.sides : [...rig.sides].reverse()) await measure(side, round)
  }
}
