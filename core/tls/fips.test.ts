import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { fipsFindings } from './fips.ts'

const config = (fips: boolean): GatewayConfig => ({ gateway: { fips } }) as GatewayConfig

test('G26 fips without a validated module is said, in one line', () => {
  const [finding, ...more] = fipsFindings(config(true), false)
  assert.is(finding?.severity, 'warning')
  assert.match(finding?.text ?? '', /^gateway\.fips .* not a validated one: OpenSSL \d[^\n]*$/)
  assert.equal(more, [])
  assert.equal(fipsFindings(config(true), true), [])
  assert.equal(fipsFindings(config(false), false), [])
})

test.run()
