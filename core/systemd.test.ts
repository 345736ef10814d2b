import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Systemd } from './systemd.ts'
import { TestLog, testDirectory } from './testing.ts'

const setUp = (environment: NodeJS.ProcessEnv) => {
  const directory = testDirectory()
  const told = join(directory, 'told')
  writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${told}\n`)
  chmodSync(join(directory, 'systemd-notify'), 0o755)
  const log = new TestLog()
  const systemd = new Systemd(log, { ...environment, PATH: `${directory}:/usr/bin:/bin` })
  const until = async (text: string): Promise<void> => {
    while (!existsSync(told) || !readFileSync(told, 'utf8').includes(text)) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { systemd, log, told, until }
}

test('systemd hears of ready, of life and of the stop when it started us', async () => {
  const { systemd, told, until } = setUp({ NOTIFY_SOCKET: '/run/none', WATCHDOG_USEC: '100000' })
  systemd.ready('serving', () => true)
  await until('--ready --status=serving')
  await until('WATCHDOG=1')
  systemd.stopping()
  await until('STOPPING=1')
  assert.match(readFileSync(told, 'utf8'), new RegExp(`^--pid=${process.pid} --ready`))
})

test('a gateway whose threads do not answer is silent, and says so; one that recovers is heard again', async () => {
  const { systemd, log, told, until } = setUp({ NOTIFY_SOCKET: '/run/none', WATCHDOG_USEC: '40000' })
  let alive = false
  systemd.ready('serving', () => alive)
  await until('--ready')
  while (log.lines.length < 3) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.match(log.lines[0]?.message ?? '', /does not answer/)
  assert.not.match(readFileSync(told, 'utf8'), /WATCHDOG/)
  alive = true
  await until('WATCHDOG=1')
  systemd.stopping()
})

test('the end of a reload is told behind its begin', async () => {
  const { systemd, told, until } = setUp({ NOTIFY_SOCKET: '/run/none' })
  for (let time = 0; time < 3; time++) {
    systemd.reloading()
    systemd.reloaded()
  }
  systemd.stopping()
  await until('STOPPING=1')
  assert.equal(readFileSync(told, 'utf8').match(/RELOADING|ready|STOPPING/g), [...Array.from({ length: 3 }, () => ['RELOADING', 'ready']).flat(), 'STOPPING'])
})

test('without systemd nothing is started', async () => {
  const { systemd, told } = setUp({})
  systemd.ready('serving', () => true)
  systemd.stopping()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.not.ok(existsSync(told))
})

test.run()
