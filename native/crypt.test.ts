import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cryptProblem } from '../core/crypt.ts'
import { createCrypt } from './index.ts'

const crypt = createCrypt()
/** Of the password `correct horse`, by the programs that make them. */
const HASHES: Readonly<Record<string, string>> = {
  'md5-crypt': execFileSync('openssl', ['passwd', '-1', '-salt', 'saltsalt', 'correct horse'], { encoding: 'utf8' }).trim(),
  'sha256-crypt': execFileSync('openssl', ['passwd', '-5', '-salt', 'saltsalt', 'correct horse'], { encoding: 'utf8' }).trim(),
  'sha512-crypt': execFileSync('openssl', ['passwd', '-6', '-salt', 'saltsalt', 'correct horse'], { encoding: 'utf8' }).trim(),
  // The last two by perl's crypt on Debian 12.
  yescrypt: '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$zwtVrjrUCmXcyLTs6oxLTQlzifSUkF8RHJ./tK5KU79',
  bcrypt: '$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2',
}

test('F08 hashes of crypt(3) are verified by libcrypt', async () => {
  for (const [scheme, hash] of Object.entries(HASHES)) {
    assert.is(cryptProblem(hash), undefined, scheme)
    assert.is(await crypt.matches(hash, 'correct horse'), true, scheme)
    assert.is(await crypt.matches(hash, 'wrong horse'), false, scheme)
    assert.is(await crypt.matches(hash, ''), false, scheme)
  }
})

test('what is no hash, or is cut off, never matches', async () => {
  const sha = HASHES['sha256-crypt'] ?? ''
  for (const hash of ['', '*', '*0', '*1', '!', 'x', '$', '$5$', '$5$salt$', '$9$nobody$knows', sha.slice(0, -1), `${sha}x`, `${sha}\0`]) {
    assert.is(await crypt.matches(hash, 'correct horse'), false, JSON.stringify(hash))
  }
  assert.is(await crypt.matches(sha, 'correct horse\0'), false)
  assert.is(await crypt.matches(sha, 'correct horse\0more'), false)
})

test('the event loop goes on while a hash is computed', async () => {
  // 200,000 rounds: some hundred milliseconds, in which the timer below must run.
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  assert.is(await crypt.matches(`$5$rounds=200000$saltsalt$${'a'.repeat(43)}`, 'correct horse'), false)
  clearInterval(timer)
  assert.ok(ticks > 3, String(ticks))
})

test.run()
