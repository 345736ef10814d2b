import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HealthList } from '../../core/health-list.ts'
import { TestClock, testDirectory, TestLog } from '../../core/testing.ts'
import { createX509 } from '../../native/index.ts'
import { AuthCertificateConfig } from './config.ts'
import { Trust } from './trust.ts'
import { TrustFiles } from './trust-files.ts'

const folder = testDirectory()
const pem = `-----BEGIN CERTIFICATE-----\n${readFileSync(new URL('../../test/fuzz/corpus/certificate/authority', import.meta.url)).toString('base64')}\n-----END CERTIFICATE-----\n`
const [ca, second] = [join(folder, 'ca.pem'), join(folder, 'second.pem')]
writeFileSync(ca, pem)
writeFileSync(second, pem)
const config = (files: Readonly<Record<string, unknown>>): AuthCertificateConfig => AuthCertificateConfig.parse(files)

test('authorities of second certificates are kept apart; files are taken all together or not at all, and looked at again', () => {
  const clock = new TestClock(Date.now())
  const log = new TestLog()
  const health = new HealthList(clock, log)
  const [trust, other] = [new Trust(createX509()), new Trust(createX509())]
  const files = new TrustFiles({ trust, second: other, others: [], clock, log, health }, config({ ca }))
  files.start()
  assert.equal([trust.authorities(), other.authorities()], [pem, undefined])
  files.take(config({ 'second-ca': second }))
  assert.equal([trust.authorities(), other.authorities()], [undefined, pem])
  writeFileSync(second, 'no certificate')
  assert.throws(() => files.take(config({ ca, 'second-ca': second })), /second\.pem: is not a PEM certificate/)
  assert.equal([trust.authorities(), other.authorities()], [undefined, pem])
  clock.advance(60_000)
  assert.match(health.list()[0]?.text ?? '', /second\.pem: is not a PEM certificate/)
  assert.is(other.authorities(), pem)
  writeFileSync(second, pem + pem)
  clock.advance(60_000)
  assert.equal([health.list().length, other.authorities()?.length], [0, 2 * pem.length])
  files.stop()
})

test.run()
