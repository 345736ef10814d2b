import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codeIn, codeOf, enrolmentUri, matchingStep, spelled, stepAt } from './totp-code.ts'

const RFC = Buffer.from('12345678901234567890')

test('G22 the codes of RFC 6238 appendix B, their last six digits', () => {
  for (const [seconds, code] of [[59, '287082'], [1111111109, '081804'], [1111111111, '050471'], [1234567890, '005924'], [2000000000, '279037'], [20000000000, '353130']] as const) {
    assert.is(codeOf(RFC, stepAt(seconds * 1000)), code)
    assert.is(matchingStep(RFC, code, seconds * 1000), stepAt(seconds * 1000))
  }
})

test('G22 a code counts one step early and one step late, and no further', () => {
  const now = 1111111111_000
  for (const offset of [-1, 0, 1]) assert.is(matchingStep(RFC, codeOf(RFC, stepAt(now) + offset), now), stepAt(now) + offset)
  for (const offset of [-2, 2]) assert.is(matchingStep(RFC, codeOf(RFC, stepAt(now) + offset), now), undefined)
  for (const other of ['', '1', '0504710', 'äöüäöü']) assert.is(matchingStep(RFC, other, now), undefined)
})

test('what people type is six digits with or without blanks', () => {
  assert.equal(['050471', '050 471', ' 050471\t'].map(codeIn), ['050471', '050471', '050471'])
  assert.equal(['', '50471', '0504711', '05047a', '٠٥٠٤٧١'].map(codeIn), [undefined, undefined, undefined, undefined, undefined])
})

test('the key is spelled in groups and stands in a URI that no client takes for a template', () => {
  assert.is(spelled(RFC), 'GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ')
  assert.is(enrolmentUri('vpn.example.com', 'a.b@corp.example', RFC), 'otpauth://totp/vpn.example.com:a.b@corp.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=vpn.example.com')
})

test.run()
