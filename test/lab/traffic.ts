import { resolve } from 'node:path'
import { Service } from './command.ts'
import { LAN, type Host, type Lab } from './lab.ts'

const PEER = resolve(import.meta.dirname, 'peers/transfer.mjs')
const TRANSFER_PORT = 7000

export interface Transfer {
  readonly bytes: number
  readonly sha256: string
  readonly ms: number
}

/** Starts the checked-transfer server in the lan. */
export async function serveTransfers(lab: Lab): Promise<void> {
  const service = new Service([process.execPath, PEER, 'serve', `${TRANSFER_PORT}`], { namespace: lab.lan.namespace })
  lab.onReset(() => service.stop('SIGKILL'))
  await service.until('listening', () => service.stdout.includes('listening'))
}

/** Moves `bytes` between a host and the lan, `up` towards the lan; an error when a byte is missing or wrong. */
export async function transfer(
  host: Host,
  way: 'up' | 'down',
  bytes: number,
  options: { readonly address?: string; readonly limitMs?: number; readonly compressible?: boolean } = {},
): Promise<Transfer> {
  const seed = `${options.compressible ? 'lines-' : ''}${host.namespace}-${way}-${bytes}`
  const argv = [process.execPath, PEER, way, options.address ?? LAN.ipv4, `${TRANSFER_PORT}`, `${bytes}`, seed]
  return JSON.parse(await host.must(argv, { limitMs: options.limitMs ?? 60_000 })) as Transfer
}

/** UDP datagrams that nobody answers. */
export async function flood(from: Host, address: string, options: { readonly count: number; readonly size: number }): Promise<void> {
  await from.must([process.execPath, resolve(import.meta.dirname, 'peers/flood.mjs'), address, `${options.count}`, `${options.size}`])
}

export interface PingResult {
  readonly sent: number
  readonly received: number
  /** Milliseconds; undefined without an answer. */
  readonly rttMs: { readonly min: number; readonly avg: number; readonly max: number } | undefined
  readonly output: string
}

/** `size` counts the ICMP payload: the IP packet is 28 (IPv4) or 48 (IPv6) bytes longer. */
export async function ping(
  host: Host,
  address: string,
  options: { readonly count?: number; readonly size?: number; readonly dontFragment?: boolean; readonly intervalSec?: number } = {},
): Promise<PingResult> {
  const { count = 3, size = 56, dontFragment = false, intervalSec = 0.05 } = options
  const argv = ['ping', '-n', '-c', `${count}`, '-i', `${intervalSec}`, '-W', '2', '-s', `${size}`, ...(dontFragment ? ['-M', 'do'] : []), address]
  const { stdout, stderr } = await host.run(argv)
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(stdout)
  const rtt = /= ([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(stdout)
  return {
    sent: Number(counts?.[1] ?? 0),
    received: Number(counts?.[2] ?? 0),
    rttMs: rtt ? { min: Number(rtt[1]), avg: Number(rtt[2]), max: Number(rtt[3]) } : undefined,
    output: stdout + stderr,
  }
}

export async function serveIperf(lab: Lab): Promise<void> {
  const service = new Service(['iperf3', '-s', '--forceflush'], { namespace: lab.lan.namespace })
  lab.onReset(() => service.stop('SIGKILL'))
  await service.until('listening', () => service.stdout.includes('listening'))
}

/** One TCP stream of iperf3; bytes are those the receiver counted. */
export async function iperf(host: Host, way: 'up' | 'down', seconds: number): Promise<{ readonly bytes: number; readonly seconds: number }> {
  const text = await host.must(['iperf3', '-J', '-c', LAN.ipv4, '-t', `${seconds}`, ...(way === 'down' ? ['-R'] : [])], {
    limitMs: (seconds + 20) * 1000,
  })
  const { end } = JSON.parse(text) as { end: { sum_received: { bytes: number; seconds: number } } }
  return { bytes: end.sum_received.bytes, seconds: end.sum_received.seconds }
}
