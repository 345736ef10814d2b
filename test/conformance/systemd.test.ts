import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as assert from 'uvu/assert'
import { run, Service, until } from '../lab/command.ts'
import { Gateway } from '../lab/gateway.ts'
import { labTests } from '../lab/suite.ts'

const test = labTests({ peers: ['systemd-notify', 'systemd-analyze', 'python3'] })
const UNIT = resolve(import.meta.dirname, '../../rootfs-overlay/usr/lib/systemd/system/postern.service')

test('the real process tells a notify socket that it is ready, lives, reloads and stops', async (lab) => {
  const path = join(lab.folder, 'notify')
  const socket = new Service(['python3', resolve(import.meta.dirname, '../lab/peers/notify-socket.py'), path])
  lab.onReset(() => socket.stop('SIGKILL'))
  await socket.until('listening', () => socket.stdout.includes('listening'))
  const gateway = await Gateway.prepare(lab)
  const service = new Service(gateway.argv, { namespace: lab.gateway.namespace, env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' } })
  lab.onReset(() => service.stop('SIGKILL'))
  const heard = (): readonly string[] => socket.stdout.split('\n').slice(1, -1)
  await until('READY=1', () => heard().some((line) => /READY=1.*STATUS=serving|STATUS=serving.*READY=1/.test(line)), 20_000, () => service.output)
  assert.match(service.output, /"msg":"gateway ready"/, 'not before it serves')
  await until('two signs of life', () => heard().filter((line) => line.includes('WATCHDOG=1')).length >= 2)
  service.kill('SIGHUP')
  await until('the reload', () => heard().some((line) => line.includes('RELOADING=1')))
  await until('its end', () => heard().filter((line) => line.includes('READY=1')).length === 2)
  assert.is((await service.stop('SIGTERM')).code, 0)
  await until('STOPPING=1', () => heard().some((line) => line.includes('STOPPING=1')))
  assert.not.match(service.output, /systemd was not told|does not answer/)
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
  for (const line of ['Type=notify', 'NotifyAccess=all', 'Restart=always']) assert.ok(unit.includes(`\n${line}\n`), line)
})

test.run()
