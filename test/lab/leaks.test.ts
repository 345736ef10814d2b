import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { testDirectory } from '../../core/testing.ts'
import { folderText, leaks, processTexts } from './leaks.ts'

test('a password and a cookie are found wherever they stand; what is short or nowhere is not', () => {
  const secrets = ['correct horse', 'short']
  assert.equal(leaks(secrets, { 'the log': 'all is short and well', 'a file': 'webvpn=none' }), [])
  assert.equal(leaks(secrets, { 'the log': '{"p":"correct horse"}', 'a file': 'Cookie: webvpn=AAAAbbbbCCCCddddEEEEffff' }), ['the log: a password', 'a file: a cookie'])
})
test('files are read through folders, processes by their command lines and environments', () => {
  const folder = testDirectory()
  mkdirSync(join(folder, 'a'))
  writeFileSync(join(folder, 'a', 'b'), Buffer.from([0, 255, ...Buffer.from('correct horse')]))
  assert.ok(folderText(folder).includes('correct horse'))
  assert.ok(processTexts([process.pid, 4_194_305]).includes('leaks.test.ts'))
})

test.run()
