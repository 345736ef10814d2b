import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as assert from 'uvu/assert'
import { run, Service, sleep, until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import type { Lab } from '../lab/lab.ts'
import { OpenConnect } from '../lab/openconnect.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['systemd-notify', 'systemd-analyze', 'python3', 'setpriv', 'openconnect'] })
const PASSWORD = 'correct horse 9'
const UNIT = resolve(import.meta.dirname, '../../rootfs-overlay/usr/lib/systemd/system/postern.service')

/** A gateway that has told a notify socket that it is ready; systemd would want a sign of life every 400 ms. */
async function notified(lab: Lab): Promise<{ readonly service: Service; heard(): readonly string[] }> {
  const path = join(mkdtempSync(join(lab.folder, 'notify-')), 'socket')
  const socket = new Service(['python3', resolve(import.meta.dirname, '../lab/peers/notify-socket.py'), path])
  lab.onReset(() => socket.stop('SIGKILL'))
  await socket.until('listening', () => socket.stdout.includes('listening'))
  const gateway = await Gateway.prepare(lab)
  const service = new Service(gateway.argv, { namespace: lab.gateway.namespace, env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' } })
  lab.onReset(() => service.stop('SIGKILL'))
  const heard = (): readonly string[] => socket.stdout.split('\n').slice(1, -1)
  await until('READY=1', () => heard().some((line) => /READY=1.*STATUS=serving|STATUS=serving.*READY=1/.test(line)), 20_000, () => service.output)
  // Lines of the log are gathered for 20 ms.
  await until('the log to say so', () => service.output.includes('"msg":"gateway ready"'), 500)
  return { service, heard }
}

test('the real process tells a notify socket that it is ready, lives, reloads and stops', async (lab) => {
  const { service, heard } = await notified(lab)
  await until('two signs of life', () => heard().filter((line) => line.includes('WATCHDOG=1')).length >= 2)
  service.kill('SIGHUP')
  await until('the reload', () => heard().some((line) => line.includes('RELOADING=1')))
  await until('its end', () => heard().filter((line) => line.includes('READY=1')).length === 2)
  assert.is((await service.stop('SIGTERM')).code, 0)
  await until('STOPPING=1', () => heard().some((line) => line.includes('STOPPING=1')))
  assert.not.match(service.output, /systemd was not told|does not answer/)
})

for (const thread of ['postern-data0', 'pt-front-0']) {
  test(`a thread that hangs (${thread}) silences the watchdog, one that goes on brings it back`, async (lab) => {
    const { service, heard } = await notified(lab)
    const alive = (): number => heard().filter((line) => line.includes('WATCHDOG=1')).length
    await until('a sign of life', () => alive() > 0)
    const stopper = new Service(['python3', resolve(import.meta.dirname, '../lab/peers/stop-thread.py'), `${service.pid}`, thread])
    lab.onReset(() => stopper.stop('SIGKILL'))
    await stopper.until('a stopped thread', () => stopper.stdout.includes('stopped'))
    await until('the complaint', () => service.output.includes('does not answer'), 10_000)
    const before = alive()
    await sleep(1000)
    assert.is(alive(), before, 'five signs of life are missing')
    await stopper.stop('SIGKILL')
    await until('signs of life', () => alive() > before, 10_000, () => service.output)
    assert.is((await service.stop('SIGTERM')).code, 0)
  })
}

test('secrets of a gateway that crashes are in no core file, and no other process of its user reads them', async (lab) => {
  const folder = mkdtempSync(join(lab.folder, 'cores-'))
  const dumped = (argv: readonly string[], namespace?: string): Service => {
    const service = new Service(['python3', resolve(import.meta.dirname, '../lab/peers/core-dumped.py'), folder, ...argv], { namespace })
    lab.onReset(() => service.stop('SIGKILL'))
    return service
  }
  const other = await dumped(['sh', '-c', 'kill -ABRT $$']).ended
  assert.ok(other.stdout.includes('6, core') || readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('|'), `another program leaves one: ${other.stdout}`)
  const before = readdirSync(folder)

  // With the rights that the unit leaves.
  const capabilities = /^CapabilityBoundingSet=(.*)$/m.exec(readFileSync(UNIT, 'utf8'))?.[1]?.toLowerCase().split(' ').map((name) => name.replace('cap_', '+')) ?? []
  const untraced = ['setpriv', `--bounding-set=-all,${capabilities.join(',')}`, '--']
  const gateway = await Gateway.prepare(lab, { users: { alice: PASSWORD } })
  const service = dumped([...untraced, ...gateway.argv], lab.gateway.namespace)
  await service.until('gateway ready', () => service.output.includes('"msg":"gateway ready"'))
  const { stdout } = await OpenConnect.start(lab.client, lab.folder, { pin: gateway.pin, user: 'alice', answers: [PASSWORD], args: ['--authenticate'] }).ended()
  assert.match(stdout, 'COOKIE=')
  const pid = Number(/^pid (\d+)$/m.exec(service.stdout)?.[1])
  const neighbour = new Service([...untraced, 'cat'])
  lab.onReset(() => neighbour.stop('SIGKILL'))
  await until('a neighbour that can be read', async () => (await run([...untraced, 'cat', `/proc/${neighbour.pid}/maps`])).stdout.includes('/cat'))
  for (const file of ['environ', 'maps']) assert.match((await run([...untraced, 'cat', `/proc/${pid}/${file}`])).stderr, 'Permission denied')
  process.kill(pid, 'SIGSEGV')
  assert.match((await service.ended).stdout, '11, no core')
  assert.equal(readdirSync(folder), before)
})

test('the unit is one that systemd takes, and its watchdog is wider than the pulse', async (lab) => {
  const unit = readFileSync(UNIT, 'utf8')
  // The program lies elsewhere here.
  const folder = join(lab.folder, 'units')
  mkdirSync(folder)
  writeFileSync(join(folder, 'postern.service'), unit.replace('/usr/bin/postern', '/bin/true'))
  const { code, stdout, stderr } = await run(['systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', join(folder, 'postern.service')])
  assert.is(`${stdout}${stderr}`, '')
  assert.is(code, 0)
  for (const line of ['Type=notify', 'LimitCORE=0', 'NotifyAccess=all', 'Restart=always']) assert.ok(unit.includes(`\n${line}\n`), line)
})

test.run()
