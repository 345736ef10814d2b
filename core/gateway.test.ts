import { X509Certificate } from 'node:crypto'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import { FakeDataPlane } from '../native/fake.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import { Gateway } from './gateway.ts'
import type { Plugin } from './plugin.ts'
import { makeSelfSigned } from './tls/self-signed.ts'
import { TestClock, TestLog, testDirectory } from './testing.ts'
import { CONFIG } from './tokens.ts'

const DAY = 86_400_000

async function started(): Promise<{ gateway: Gateway; clock: TestClock; log: TestLog; plane: FakeDataPlane; configured: () => number; directory: string; file: string; until(done: () => boolean): Promise<void> }> {
  const directory = testDirectory()
  const config = join(directory, 'postern.toml')
  writeFileSync(config, '[gateway]\nname = "vpn.example.com"\nlisten = ["127.0.0.1:14443"]\n')
  const [clock, log, plane] = [new TestClock(), new TestLog(), new FakeDataPlane()]
  let count = 0
  const configureTls = plane.configureTls.bind(plane)
  plane.configureTls = (contexts) => (count++, configureTls(contexts))
  const dataDirectory = join(directory, 'data')
  const gateway = await Gateway.start({ locations: { config, dataDirectory }, plugins: [], createDataPlane: () => plane, clock, log })
  const opened = count
  return {
    gateway, clock, log, plane, configured: () => count - opened, directory, file: join(dataDirectory, 'tls', 'self-signed.pem'),
    async until(done) {
      for (const end = Date.now() + 10_000; !done();) {
        if (Date.now() > end) throw new Error('waited in vain')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
  }
}
const validTo = (file: string): number => Date.parse(new X509Certificate(readFileSync(file)).validTo)

test('what is written and has no effect stands in the log and among the health entries', async () => {
  const directory = testDirectory()
  const config = join(directory, 'postern.toml')
  writeFileSync(config, '[gateway]\nlisten = ["127.0.0.1:14443"]\n[later]\n')
  const later: Plugin = { name: 'later', summary: '', config: z.strictObject({}), runsByDefault: false, absent: 'this version does not have the plugin', start: () => undefined }
  const log = new TestLog()
  const heard: string[] = []
  const warn = log.warn.bind(log)
  log.warn = (message, fields) => (heard.push(`${message} ${JSON.stringify(fields ?? {})}`), warn(message, fields))
  const gateway = await Gateway.start({ locations: { config, dataDirectory: join(directory, 'data') }, plugins: [later], createDataPlane: () => new FakeDataPlane(), clock: new TestClock(), log })
  await gateway.stop()
  assert.ok(heard.some((line) => line.includes('[later] has no effect')))
  assert.ok(heard.some((line) => line.includes('CONFIG_WARNINGS')), heard.join('\n'))
})

test('G26 a gateway with fips = true keeps among its health entries that the module is not a validated one, and asks the data plane for approved algorithms', async () => {
  const directory = testDirectory()
  const config = join(directory, 'postern.toml')
  writeFileSync(config, '[gateway]\nlisten = ["127.0.0.1:14443"]\nfips = true\n')
  const log = new TestLog()
  const heard: string[] = []
  const warn = log.warn.bind(log)
  log.warn = (message, fields) => (heard.push(`${message} ${JSON.stringify(fields ?? {})}`), warn(message, fields))
  const plane = new FakeDataPlane()
  const open = plane.open.bind(plane)
  let asked: boolean | undefined
  plane.open = (spec, ...rest) => ((asked = spec.fips), open(spec, ...rest))
  const gateway = await Gateway.start({ locations: { config, dataDirectory: join(directory, 'data') }, plugins: [], createDataPlane: () => plane, clock: new TestClock(), log })
  await gateway.stop()
  assert.ok(heard.some((line) => line.includes('FIPS_MODULE')), heard.join('\n'))
  assert.is(asked, true)
})

test('a gateway that runs for years renews its own certificate, with the same pin', async () => {
  const { gateway, clock, plane, configured, file, until } = await started()
  const pin = gateway.pin
  const first = validTo(file)
  clock.jump(first - clock.now() - 33 * DAY) // not advanced: a tick for each of its seconds takes minutes
  clock.advance(DAY)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(configured(), 0, 'the same certificate is not configured again')
  clock.jump(3 * DAY)
  clock.advance(DAY)
  await until(() => configured() === 1)
  assert.ok(validTo(file) > first)
  assert.ok(readFileSync(file, 'utf8').includes(plane.tlsContexts()[0]?.certificates[0]?.chainPem ?? 'none'))
  assert.is(gateway.pin, pin)
  await gateway.stop()
  assert.is(clock.pending, 0)
})

test('a certificate that cannot be used at the daily look leaves the old one in place, with a warning', async () => {
  const { gateway, clock, log, configured, file, until } = await started()
  const good = readFileSync(file)
  writeFileSync(file, Buffer.alloc(300_000))
  clock.advance(DAY)
  await until(() => log.has(`the certificates stay as they were: ${file}: is 300000 bytes; at most 262144 are read`))
  assert.is(configured(), 0)
  writeFileSync(file, good)
  clock.advance(DAY)
  await until(() => log.has('problem is over'))
  assert.is(configured(), 0)
  await gateway.stop()
})

test('the daily look stays with the certificate that a reload brought', async () => {
  const { gateway, clock, configured, directory } = await started()
  const { certificatePem, keyPem } = await makeSelfSigned({ name: 'vpn.example.com', now: clock.now() })
  writeFileSync(join(directory, 'other.pem'), certificatePem)
  writeFileSync(join(directory, 'other.key'), keyPem, { mode: 0o600 })
  appendFileSync(join(directory, 'postern.toml'), 'certificate = "other.pem"\nkey = "other.key"\n')
  await gateway.reload()
  const { pin } = gateway
  assert.is(configured(), 1)
  clock.advance(DAY)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.is(configured(), 1)
  assert.is(gateway.pin, pin)
  await gateway.stop()
})

test('what a reload brings stands behind CONFIG at once, but for what needs a restart', async () => {
  const directory = testDirectory()
  const config = join(directory, 'postern.toml')
  const write = (text: string): void => writeFileSync(config, `[gateway]\nname = "vpn.example.com"\nlisten = ["127.0.0.1:14443"]\n${text}`)
  write('')
  let seen: GatewayConfig | undefined
  const plugin: Plugin = { name: 'reader', summary: '', config: z.strictObject({}), requires: [CONFIG], start: ({ container }) => void (seen = container.resolve<GatewayConfig>(CONFIG)) }
  const gateway = await Gateway.start({ locations: { config, dataDirectory: join(directory, 'data') }, plugins: [plugin], createDataPlane: () => new FakeDataPlane(), clock: new TestClock(), log: new TestLog() })
  write('max-sessions = 7\nworkers = 3\n[policy]\ndpd = "10s"\n[group.staff]\n')
  await gateway.reload()
  assert.equal([seen?.gateway.maxSessions, seen?.gateway.workers, seen?.policy.dpdSec, [...(seen?.groups.keys() ?? [])]], [7, 0, 10, ['staff']])
  write('[policy]\ndpd = "wrong"\n')
  await gateway.reload().then(() => assert.unreachable('it must be refused'), (error: Error) => assert.match(error.message, /policy\.dpd/))
  assert.is(seen?.policy.dpdSec, 10)
  await gateway.stop()
})

test.run()
