import { readFileSync } from 'node:fs'

export interface Family {
  readonly name: 'IPv4' | 'IPv6'
  readonly sysctl: string
}
export const FAMILIES: readonly Family[] = [
  { name: 'IPv4', sysctl: 'net.ipv4.ip_forward' },
  { name: 'IPv6', sysctl: 'net.ipv6.conf.all.forwarding' },
]

/** Whether the kernel forwards that family; undefined when it does not say (no IPv6, no /proc). */
export function forwards(family: Family, root = '/proc/sys'): boolean | undefined {
  try {
    return readFileSync(`${root}/${family.sysctl.replaceAll('.', '/')}`, 'utf8').trim() !== '0'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export const forwardingProblem = (family: Family): string => `the kernel does not forward ${family.name}: clients reach the gateway only. Switch it on with: sysctl -w ${family.sysctl}=1`
