import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cryptProblem } from './crypt.ts'

const sha = (rounds: string): string => `$5$${rounds}saltsalt$${'a'.repeat(43)}`

test('the schemes of crypt(3) are taken', () => {
  for (const hash of [sha(''), sha('rounds=500000$'), `$6$salt$${'a'.repeat(86)}`, `$1$salt$${'a'.repeat(22)}`, `$2b$12$${'a'.repeat(53)}`, `$y$j9T$salt$${'a'.repeat(43)}`, 'ab0123456789.']) assert.is(cryptProblem(hash), undefined, hash)
})

test('a hash that would take for ever is not', () => {
  for (const hash of [sha('rounds=500001$'), sha('rounds=999999999$'), sha('rounds=9999999999$'), `$2y$14$${'a'.repeat(53)}`, `$2y$31$${'a'.repeat(53)}`, `$y$jCT$salt$${'a'.repeat(43)}`, `$y$jzT$salt$${'a'.repeat(43)}`, `$y$j9TABCDE$salt$${'a'.repeat(43)}`, `$7$zU..../....salt$${'a'.repeat(43)}`, `$sha1$4000000000$salt$${'a'.repeat(28)}`, `$md5,rounds=4294963199$salt$${'a'.repeat(22)}`, `_zzzzsalt${'a'.repeat(11)}`]) {
    assert.type(cryptProblem(hash), 'string', hash)
  }
})

test('what is no password, or no hash, is said without repeating it', () => {
  for (const hash of ['', '*', '!', '!!', 'x', 'plain text', `$5$salt$${'a'.repeat(42)}`, `$5$sa\nlt$${'a'.repeat(43)}`, `$6$salt$${'a'.repeat(300)}`]) {
    const problem = cryptProblem(hash)
    assert.type(problem, 'string', hash)
    if (hash.length > 5) assert.not.ok(problem?.includes(hash))
  }
})

test.run()
