/**
 * Three hosts as network namespaces, for tests:
 *
 *   in (10.20.0.5, fd20::5) -- pt0 [gw] up0 -- out (192.0.2.2, 192.0.2.3, 2001:db8::2, 2001:db8::3)
 *
 * pt0 is a veth that stands for the TUN device; "out" has no route to the pools unless a test gives it one.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findNft } from './nft.ts'

/** Why there can be none here. */
export const netReason = process.getuid?.() !== 0 ? 'needs root for network namespaces' : findNft() === undefined ? 'not installed: nft' : undefined

const ns = (name: string): string => `ptfw${process.pid}${name}`
export const GATEWAY = ns('gw')
export const INSIDE = ns('in')
export const OUTSIDE = ns('out')

export function ip(...args: string[]): string {
  const done = spawnSync('ip', args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`ip ${args.join(' ')}: ${done.stderr}`)
  return done.stdout
}
export const within = (name: string, ...argv: string[]): string => ip('netns', 'exec', name, ...argv)

/** Goes with the process. */
export function build(): void {
  process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL')
    for (const name of [GATEWAY, INSIDE, OUTSIDE]) spawnSync('ip', ['netns', 'del', name])
  })
  for (const name of [GATEWAY, INSIDE, OUTSIDE]) ip('netns', 'add', name)
  for (const name of [GATEWAY, INSIDE, OUTSIDE]) within(name, 'ip', 'link', 'set', 'lo', 'up')
  ip('-n', GATEWAY, 'link', 'add', 'pt0', 'mtu', '1300', 'type', 'veth', 'peer', 'name', 'c0', 'netns', INSIDE)
  ip('-n', GATEWAY, 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'o0', 'netns', OUTSIDE)
  const address = (name: string, device: string, ...addresses: string[]): void => {
    ip('-n', name, 'link', 'set', device, 'up')
    for (const one of addresses) ip('-n', name, 'addr', 'add', one, 'dev', device, ...(one.includes(':') ? ['nodad'] : []))
  }
  address(GATEWAY, 'pt0', '10.20.0.1/16', 'fd20::1/64')
  address(GATEWAY, 'up0', '192.0.2.1/24', '2001:db8::1/64')
  address(INSIDE, 'c0', '10.20.0.5/16', 'fd20::5/64')
  address(OUTSIDE, 'o0', '192.0.2.2/24', '192.0.2.3/24', '2001:db8::2/64', '2001:db8::3/64')
  ip('-n', INSIDE, 'route', 'add', 'default', 'via', '10.20.0.1')
  ip('-n', INSIDE, '-6', 'route', 'add', 'default', 'via', 'fd20::1')
  // A TUN device has no neighbours to discover.
  const { address: lladdr } = (JSON.parse(ip('-j', '-n', INSIDE, 'link', 'show', 'c0')) as { address: string }[])[0] ?? { address: '' }
  ip('-n', GATEWAY, '-6', 'neigh', 'replace', 'fd20::5', 'lladdr', lladdr, 'dev', 'pt0', 'nud', 'permanent')
  ip('-n', GATEWAY, '-6', 'route', 'add', 'fd20::1:0/112', 'via', 'fd20::5')
  forward('0')
}
export const forward = (value: '0' | '1'): void => void within(GATEWAY, 'sysctl', '-qw', `net.ipv4.ip_forward=${value}`, `net.ipv6.conf.all.forwarding=${value}`)

const children: ChildProcess[] = []
export interface Peer {
  say(word: string): Promise<string>
  line(): Promise<string>
  readonly process: ChildProcess
}
export function start(name: string, ...argv: string[]): Peer {
  const child = spawn('ip', ['netns', 'exec', name, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value ?? '')
  return { line, process: child, say: (word) => (child.stdin.write(word + '\n'), line()) }
}
export const endChildren = (): void => children.splice(0).forEach((child) => child.kill('SIGKILL'))

export const firewallOn = (device: string): Peer => start(GATEWAY, process.execPath, '--import', 'tsx', join(import.meta.dirname, 'testing.ts'), device)

const SERVER = `
const net = require('net'), dgram = require('dgram')
for (const port of [53, 80, 443]) net.createServer((s) => s.on('error', () => {}).end('x')).listen(port, '::')
for (const host of process.argv.slice(1)) for (const port of [53, 443]) {
  const s = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(port, host)
  s.on('message', (bytes, { port, address }) => s.send(bytes, port, address))
}
console.log('up')`
/** Answers on TCP 53, 80 and 443, and at those addresses on UDP 53 and 443. */
export async function serve(name: string, addresses: readonly string[]): Promise<Peer> {
  const server = start(name, process.execPath, '-e', SERVER, ...addresses)
  await server.line()
  return server
}

const PROBER = `
const net = require('net'), dgram = require('dgram'), { execFile } = require('child_process')
const LIMIT = 1200
const probes = {
  tcp: (host, port, from) => new Promise((done) => { const s = net.connect({ port, host, localAddress: from }, () => done(true)); s.on('error', () => done(false)).on('data', () => s.destroy()); setTimeout(() => { done(false); s.destroy() }, LIMIT) }),
  udp: (host, port, from) => new Promise((done) => { const s = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4'); s.once('message', () => done(true)); s.bind(0, from, () => s.send('x', port, host)); setTimeout(() => { done(false); s.close() }, LIMIT) }),
  icmp: (host, _, from) => new Promise((done) => execFile('ping', ['-c1', '-W1', '-n', ...(from ? ['-I', from] : []), host], (error) => done(!error))),
}
require('readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const wanted = JSON.parse(line)
  const got = await Promise.all(wanted.map(([text, from]) => { const [kind, host, port] = text.split(' '); return probes[kind](host, Number(port), from) }))
  console.log(JSON.stringify(got))
})`
/** A probe, and the address it is sent from. */
export type Probe = readonly [probe: string, from?: string]
/** Which of `tcp HOST PORT`, `udp HOST PORT`, `icmp HOST` are answered; all are tried at once, for 1.2 s. */
export function prober(name: string): (probes: readonly Probe[]) => Promise<readonly boolean[]> {
  const peer = start(name, process.execPath, '-e', PROBER)
  return async (probes) => JSON.parse(await peer.say(JSON.stringify(probes))) as boolean[]
}
