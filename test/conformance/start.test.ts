// test: limit=180
import { chmodSync, chownSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { Service, type CommandResult } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import type { Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'
import { processesNaming } from '../lab/sweep.ts'

const test = labTests({ peers: ['openconnect', 'nft', 'iperf3', 'unshare', 'setpriv'] })
const PASSWORD = 'correct horse 9'

/** Devices beside the lab's own, tables of nft, and processes of this gateway. */
async function left(lab: Lab, gateway: Gateway): Promise<readonly string[]> {
  const links = JSON.parse(await lab.gateway.must(['ip', '-j', 'link'])) as { ifname: string }[]
  const tables = (await lab.gateway.must(['nft', 'list', 'tables'])).split('\n').filter((line) => line !== '')
  return [
    ...links.map(({ ifname }) => ifname).filter((name) => !/^(lo|lan0|c\d+)$/.test(name)),
    ...tables,
    ...processesNaming(gateway.configFile).map((pid) => `process ${pid}`),
  ]
}

/** Starts it where it cannot start. */
async function refused(lab: Lab, gateway: Gateway, wrap: readonly string[] = []): Promise<CommandResult> {
  const service = new Service([...wrap, ...gateway.argv], { namespace: lab.gateway.namespace })
  return service.until('its refusal', () => service.result).finally(() => service.kill('SIGKILL'))
}

function oneLine(result: CommandResult, about: RegExp): void {
  assert.is(result.code, 1, result.stdout + result.stderr)
  const lines = result.stderr.trim().split('\n')
  assert.is(lines.length, 1, `one line, not:\n${result.stderr}`)
  assert.match(lines[0] ?? '', about)
  assert.not.match(result.stderr, /^\s+at /m)
}

test('the lab finds a password in the log of a gateway', async (lab) => {
  await Gateway.start(lab, { users: { alice: 'gateway ready' } })
  await lab.reset()
  assert.equal(lab.leaks.splice(0), ['the log: a password'])
})
test('a port in use is one clear line and leaves nothing behind', async (lab) => {
  const gateway = await Gateway.prepare(lab)
  const occupant = new Service(['iperf3', '-s', '-p', '443', '--forceflush'], { namespace: lab.gateway.namespace })
  await occupant.until('listening', () => occupant.stdout.includes('listening'))
  oneLine(await refused(lab, gateway), /443.*in use|in use.*443|EADDRINUSE/)
  assert.equal(await left(lab, gateway), [])
})

test('a second gateway on the same data directory is refused and the first goes on', async (lab) => {
  const gateway = await Gateway.start(lab)
  const before = (await left(lab, gateway)).length
  oneLine(await refused(lab, gateway), /run(s|ning) already|already run(s|ning)|lock|in use/)
  assert.is((await left(lab, gateway)).length, before)
  assert.type((await gateway.status()).uptimeSec, 'number')
})

test('without /dev/net/tun the start is refused with one clear line', async (lab) => {
  const gateway = await Gateway.prepare(lab)
  const hide = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh']
  oneLine(await refused(lab, gateway, hide), /\/dev\/net\/tun/)
  assert.equal(await left(lab, gateway), [])
})

test('without root the start is refused with one clear line', async (lab) => {
  const gateway = await Gateway.prepare(lab)
  const own = (path: string): void => {
    chownSync(path, 65_534, 65_534)
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) own(join(path, entry.name))
      else chownSync(join(path, entry.name), 65_534, 65_534)
    }
  }
  chmodSync(lab.folder, 0o755)
  own(gateway.folder)
  const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all']
  oneLine(await refused(lab, gateway, asNobody), /root|CAP_NET_ADMIN|not permitted|permission denied/i)
  assert.equal(await left(lab, gateway), [])
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends the gateway and leaves no device, table, process or socket behind`, async (lab) => {
    const gateway = await Gateway.start(lab, { users: { alice: PASSWORD } })
    await OpenConnect.connect(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD] })
    assert.ok((await left(lab, gateway)).length > 0, 'a running gateway is seen')
    const end = await gateway.stop(signal)
    assert.is(end.code, 0, end.stderr)
    assert.equal(await left(lab, gateway), [])
    assert.not(readdirSync(gateway.dataFolder).some((name) => /\.sock(et)?$/.test(name)), 'no socket file')
  })
}

test('what a killed gateway left is removed by the next one', async (lab) => {
  const gateway = await Gateway.start(lab)
  await gateway.stop('SIGKILL')
  await gateway.start()
  await gateway.stop('SIGTERM')
  assert.equal(await left(lab, gateway), [])
})

test('postern check says what it thinks and touches nothing', async (lab) => {
  const gateway = await Gateway.prepare(lab)
  const good = await gateway.command(['check'])
  assert.is(good.code, 0, good.stderr)
  assert.equal(await left(lab, gateway), [])
  gateway.configure({ gateway: { listne: ['0.0.0.0:443'] } })
  const bad = await gateway.command(['check'])
  assert.is(bad.code, 1)
  assert.match(bad.stdout + bad.stderr, /postern\.toml:\d+.*listne.*listen/s)
  assert.ok(existsSync(gateway.configFile))
})

test.run()
