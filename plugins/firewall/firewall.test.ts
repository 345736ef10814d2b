// test: limit=60
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { HealthEntry } from '../../core/api.ts'
import { Nft } from './nft.ts'
import { build, endChildren, firewallOn as gateway, forward, GATEWAY, INSIDE, ip, netReason as reason, OUTSIDE, start, within } from './testing-net.ts'

if (reason !== undefined) process.stdout.write(`SKIP ${reason}\n`)
const proven = (name: string, body: () => Promise<void>): void => {
  test(name, async () => {
    if (reason === undefined) await body()
  })
}

const codes = (answer: string): string[] => (JSON.parse(answer) as { health: HealthEntry[] }).health.map((entry) => entry.code).sort()
const tables = (): string => within(GATEWAY, 'nft', 'list', 'tables')

/** Connects from inside to outside; the server says the address that it saw and the segment size that it was told. */
async function connect(host: string): Promise<{ seen: string; mss: number }> {
  const server = start(OUTSIDE, process.execPath, '-e', `require('net').createServer((s) => { console.log(s.remoteAddress); console.log(require('child_process').execFileSync('ss', ['-tinH', 'src', '${host.includes(':') ? `[${host}]` : host}']).toString().replace(/\\n/g, ' ')) }).listen(7, '${host}', () => console.log('up'))`)
  await server.line()
  const client = start(INSIDE, process.execPath, '-e', `require('net').connect(7, '${host}')`)
  const seen = await server.line()
  const mss = Number(/\bmss:(\d+)/.exec(await server.line())?.[1])
  for (const one of [client, server]) one.process.kill()
  return { seen, mss }
}

proven('clients leave masqueraded and with a segment size that fits the way on from the gateway, in both families', async () => {
  const firewall = gateway('pt0')
  forward('1')
  ip('-n', GATEWAY, 'link', 'set', 'up0', 'mtu', '1380')
  assert.equal(codes(await firewall.say('up')), [])
  const four = await connect('192.0.2.2')
  assert.is(four.seen, '192.0.2.1')
  assert.ok(four.mss > 1000 && four.mss <= 1340, `IPv4 MSS ${four.mss}`)
  const six = await connect('2001:db8::2')
  assert.is(six.seen, '2001:db8::1')
  assert.ok(six.mss > 1000 && six.mss <= 1320, `IPv6 MSS ${six.mss}`)
  ip('-n', GATEWAY, 'link', 'set', 'up0', 'mtu', '1500')
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
  build()
  test.after(endChildren)
}
test.run()
