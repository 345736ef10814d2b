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
  const systemd = new Systemd(new TestLog(), { ...environment, PATH: `${directory}:/usr/bin:/bin` })
  const until = async (text: string): Promise<void> => {
    while (!existsSync(told) || !readFileSync(told, 'utf8').includes(text)) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { systemd, told, until }
}

test('systemd hears of ready, of life and of the stop when it started us', async () => {
  const { systemd, told, until } = setUp({ NOTIFY_SOCKET: '/run/none', WATCHDOG_USEC: '100000' })
  systemd.ready('serving')
  await until('--ready --status=serving')
  await until('WATCHDOG=1')
  systemd.stopping()
  await until('STOPPING=1')
  assert.match(readFileSync(told, 'utf8'), new RegExp(`^--pid=${process.pid} --ready`))
})

test('without systemd nothing is started', async () => {
  const { systemd, told } = setUp({})
  systemd.ready('serving')
  systemd.stopping()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.not.ok(existsSync(told))
})

test.run()
