import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import type { Plugin } from '../plugin.ts'
import { pluginEntries } from '../plugin-entries.ts'
import { checkConfig } from './load.ts'

const plugins: readonly Plugin[] = [
  { name: 'auth-local', summary: '', config: z.strictObject({}), start: () => undefined },
  { name: 'auth-later', summary: '', config: z.record(z.string(), z.unknown()), runsByDefault: false, absent: 'this version does not have the plugin', start: () => undefined },
]
const load = (text: string) => checkConfig(Buffer.from(text), '/etc/postern.toml', plugins)

test('the section of a plugin to come is accepted with a warning', () => {
  const loaded = load('[auth-later]\nserver = "a"\n')
  assert.equal(loaded.warnings.map(({ text }) => text), ['[auth-later] has no effect: this version does not have the plugin'])
  assert.is(pluginEntries(plugins, loaded).length, 2)
})

test('without its section, or switched off, it is not mentioned', () => {
  for (const text of ['', '[auth-later]\nenabled = false\n']) {
    const loaded = load(text)
    assert.equal(loaded.warnings, [])
    assert.equal(pluginEntries(plugins, loaded).map(({ plugin }) => plugin.name), ['auth-local'])
  }
})

test('its back-end cannot be named, even with a section', () => {
  assert.throws(() => load('[auth-later]\n[group.staff]\nauth = [["later"]]\n'), /there is no back-end "later"/)
})

test.run()
