import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { attribute, flatten } from './attributes.ts'
import { COA_ATTRIBUTES, coaPolicy } from './coa-policy.ts'
import { DICTIONARY } from './dictionary.ts'
import type { Attribute } from './packet.ts'

const policyOf = (...attributes: readonly Attribute[]) => coaPolicy(flatten(attributes), { hasPool: () => true })

test('G23 attributes of a CoA-Request mean what they mean at a login, and 0 takes a limit away', () => {
  assert.equal(policyOf(attribute('Session-Timeout', 600), attribute('WISPr-Bandwidth-Max-Down', 8_000_000), attribute('Framed-Route', '10.1.0.0/16 0.0.0.0 1')).values, { splitInclude: ['10.1.0.0/16'], sessionTimeoutSec: 600, rateDown: 1_000_000 })
  assert.equal(policyOf(attribute('Session-Timeout', 0), attribute('Idle-Timeout', 0), attribute('WISPr-Bandwidth-Max-Up', 0), attribute('RP-Downstream-Speed-Limit', 0)), { values: { sessionTimeoutSec: 0, inactivityTimeoutSec: 0, rateUp: 0, rateDown: 0 }, problems: [] })
})

test('what cannot be used, or says nothing that is understood, is a problem', () => {
  assert.equal(policyOf(attribute('Cisco-AVPair', 'subscriber:command=reauthenticate')).problems.length, 1)
  assert.is(policyOf(attribute('Mikrotik-Rate-Limit', 'fast')).problems.length, 1)
  assert.is(policyOf(attribute('Session-Timeout', 600), attribute('Framed-Route', 'nowhere')).problems.length, 1)
})

test('only attributes of the dictionary and of the README can change', () => {
  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8')
  assert.equal(COA_ATTRIBUTES.filter((name) => !(name in DICTIONARY) || !readme.includes(`\`${name}\``)), [])
})

test.run()
