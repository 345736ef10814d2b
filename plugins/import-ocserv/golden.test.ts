import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Finding } from './finding.ts'
import { importOcserv } from './import-command.ts'
import { golden, placeWithoutStore, TESTDATA } from './testing.ts'

/**
 * Each folder of testdata: an ocserv.conf with the files it names, the postern.toml it becomes and the report. After a
 * wanted change `UPDATE_GOLDEN=1 node --import tsx plugins/import-ocserv/golden.test.ts` writes them anew.
 */
const cases = readdirSync(TESTDATA).filter((name) => statSync(join(TESTDATA, name)).isDirectory())
const anywhere = (text: string): string => text.replaceAll(TESTDATA, '/TESTDATA')

interface Imported {
  readonly config: string
  readonly findings: readonly Finding[]
  readonly users: readonly { readonly name: string; readonly groups: readonly string[]; readonly locked: boolean }[]
}
async function imported(name: string): Promise<{ readonly data: Imported; readonly text: string }> {
  const version = /^# test: version=(.*)$/m.exec(golden(name, 'ocserv.conf'))?.[1]
  const result = await importOcserv(placeWithoutStore)({ args: { file: join(TESTDATA, name, 'ocserv.conf') }, options: { base: join(TESTDATA, name), ...(version === undefined ? {} : { 'from-version': version }) }, actor: 'test' })
  return { data: result.data as Imported, text: result.text ?? '' }
}

for (const name of cases) {
  test(`F08 ${name}: the configuration and the report are as they should be, and pass the check`, async () => {
    const { data, text } = await imported(name)
    const users = data.users.map((user) => `${user.name} [${user.groups.join(' ')}]${user.locked ? ' locked' : ''}\n`).join('')
    const report = `${anywhere(text)}\n${users}`
    if (process.env['UPDATE_GOLDEN']) {
      writeFileSync(join(TESTDATA, name, 'postern.toml'), anywhere(data.config))
      writeFileSync(join(TESTDATA, name, 'report.txt'), report)
    }
    assert.is(anywhere(data.config), golden(name, 'postern.toml'))
    assert.is(report, golden(name, 'report.txt'))
    assert.not.match(text + data.config, /\$(?:5|6)\$/, 'no hash in what people read')
  })
}

test('there are at least ten varied files', () => assert.ok(cases.length >= 10))

test('F08 every option of a file ends in a finding', async () => {
  const { data } = await imported('everything')
  const lines = golden('everything', 'ocserv.conf').split('\n')
  const silent = lines.flatMap((line, at) => (/^[a-z]/.test(line) && !data.findings.some((finding) => finding.line === at + 1) ? [line] : []))
  assert.equal(silent, [])
})

test.run()
