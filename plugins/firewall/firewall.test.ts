// test: limit=60
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { HealthEntry } from '../../core/api.ts'
import { findNft, Nft } from './nft.ts'

/*
 *   in (10.20.0.5, fd20::5) -- pt0 [gw] up0 -- out (192.0.2.2, 2001:db8::2)
 *
 * pt0 is a veth that stands for the TUN device; "out" has no route to the pools.
 */
const reason = process.getuid?.() !== 0 ? 'needs root for network namespaces' : findNft() === undefined ? 'not installed: nft' : undefined
if (reason !== undefined) process.stdout.write(`SKIP ${reason}\n`)
const proven = (name: string, body: () => Promise<void>): void => {
  test(name, async () => {
    if (reason === undefined) await body()
  })
}

const ns = (name: string): string => `ptfw${process.pid}${name}`
const GATEWAY = ns('gw')
const INSIDE = ns('in')
const OUTSIDE = ns('out')

function ip(...args: string[]): string {
  const done = spawnSync('ip', args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`ip ${args.join(' ')}: ${done.stderr}`)
  return done.stdout
}
const within = (name: string, ...argv: string[]): string => ip('netns', 'exec', name, ...argv)

function build(): void {
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
  address(OUTSIDE, 'o0', '192.0.2.2/24', '2001:db8::2/64')
  ip('-n', INSIDE, 'route', 'add', 'default', 'via', '10.20.0.1')
  ip('-n', INSIDE, '-6', 'route', 'add', 'default', 'via', 'fd20::1')
  forward('0')
}
const forward = (value: '0' | '1'): void => void within(GATEWAY, 'sysctl', '-qw', `net.ipv4.ip_forward=${value}`, `net.ipv6.conf.all.forwarding=${value}`)
const demolish = (): void => [GATEWAY, INSIDE, OUTSIDE].forEach((name) => spawnSync('ip', ['netns', 'del', name]))

const children: ChildProcess[] = []
function start(name: string, ...argv: string[]): { say(word: string): Promise<string>; line(): Promise<string>; process: ChildProcess } {
  const child = spawn('ip', ['netns', 'exec', name, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value ?? '')
  return { line, process: child, say: (word) => (child.stdin.write(word + '\n'), line()) }
}
const gateway = (device: string) => start(GATEWAY, process.execPath, '--import', 'tsx', join(import.meta.dirname, 'testing.ts'), device)
const codes = (answer: string): string[] => (JSON.parse(answer) as HealthEntry[]).map((entry) => entry.code).sort()
const tables = (): string => within(GATEWAY, 'nft', 'list', 'tables')

/** Connects from inside to outside; the server answers with the address it saw, the client adds the socket's MSS. */
async function connect(host: string): Promise<{ seen: string; mss: number }> {
  const server = start(OUTSIDE, process.execPath, '-e', `require('net').createServer((s) => s.write(s.remoteAddress)).listen(7, '${host}', () => console.log('up'))`)
  await server.line()
  const client = start(INSIDE, process.execPath, '-e', `const s = require('net').connect(7, '${host}'); s.setTimeout(5000, () => s.destroy()).once('data', (d) => { console.log(String(d)); console.log(require('child_process').execFileSync('ss', ['-tinH', 'dst', '${host.includes(':') ? `[${host}]` : host}']).toString().replace(/\\n/g, ' ')); process.exit() })`)
  const seen = await client.line()
  const mss = Number(/\bmss:(\d+)/.exec(await client.line())?.[1])
  server.process.kill()
  return { seen, mss }
}

proven('clients leave masqueraded and with a segment size that fits the tunnel, in both families', async () => {
  const firewall = gateway('pt0')
  forward('1')
  assert.equal(codes(await firewall.say('up')), [])
  const four = await connect('192.0.2.2')
  assert.is(four.seen, '192.0.2.1')
  assert.ok(four.mss > 1000 && four.mss <= 1260, `IPv4 MSS ${four.mss}`)
  const six = await connect('2001:db8::2')
  assert.is(six.seen, '2001:db8::1')
  assert.ok(six.mss > 1000 && six.mss <= 1240, `IPv6 MSS ${six.mss}`)
  assert.equal(codes(await firewall.say('up')), [], 'a second time changes nothing')
  within(GATEWAY, 'nft', 'add', 'table', 'inet', 'other')
  await firewall.say('down')
  assert.is(tables().trim(), 'table inet other')
  await firewall.say('down')
  within(GATEWAY, 'nft', 'delete', 'table', 'inet', 'other')
})

proven('forwarding that is off is a health entry for each family', async () => {
  const firewall = gateway('pt0')
  forward('0')
  const answer = await firewall.say('up')
  assert.equal(codes(answer), ['firewall-forwarding-ipv4', 'firewall-forwarding-ipv6'])
  assert.match(answer, 'sysctl -w net.ipv4.ip_forward=1')
  forward('1')
  assert.equal(codes(await firewall.say('up')), [])
  await firewall.say('down')
})

proven('the table of a gateway that was killed goes at the next start, the one of a living device stays', async () => {
  const dead = gateway('gone0')
  await dead.say('up')
  dead.process.kill('SIGKILL')
  const alive = gateway('pt0')
  await alive.say('up')
  assert.match(tables(), 'postern_gone0')
  await gateway('new0').say('stale')
  assert.is(tables().trim(), 'table inet postern_pt0')
  await alive.say('down')
})

proven('an nft that refuses, hangs or is missing is one line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ptfw-'))
  const program = (name: string, body: string): string => {
    const path = join(folder, name)
    writeFileSync(path, `#!/bin/sh\n${body}\n`)
    chmodSync(path, 0o755)
    return path
  }
  const said = async (nft: Nft): Promise<string> => {
    try {
      await nft.apply('x'.repeat(1 << 20))
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('was applied')
  }
  assert.is(await said(new Nft(program('refuses', 'echo "Operation not permitted" >&2; echo more >&2; exit 1'))), 'nft: Operation not permitted')
  assert.is(await said(new Nft(program('hangs', 'exec sleep 30'), 200)), 'nft: no answer in 0.2 s')
  assert.match(await said(new Nft(join(folder, 'missing'))), 'ENOENT')
  rmSync(folder, { recursive: true })
})

if (reason === undefined) {
  process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL')
    demolish()
  })
  build()
  test.after(() => children.forEach((child) => child.kill()))
}
test.run()
