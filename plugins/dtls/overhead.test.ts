import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { SUITES } from './suite.ts'

/** Reference protocol section 7.3: outer packet, family, then the inner packet for AES-GCM, ChaCha20 and AES-CBC-SHA1. */
const TABLE = [
  [1500, 4, 1434, 1442, 1406],
  [1500, 6, 1414, 1422, 1386],
  [1420, 4, 1354, 1362, 1326],
] as const
const IP = { 4: 20, 6: 40 } as const
const UDP_AND_TYPE = 9

test('D12 what each suite leaves of an outer packet, both families, CBC at its worst', () => {
  for (const [link, family, gcm, chacha20, cbc] of TABLE) {
    for (const { name, kind, overhead } of SUITES) {
      const sha1 = kind !== 'aes-cbc' || name.endsWith('-SHA')
      const mac = name.endsWith('SHA384') ? 48 : name.endsWith('SHA256') ? 32 : 20
      const expected = kind === 'chacha20' ? chacha20 : kind !== 'aes-cbc' ? gcm : sha1 ? cbc : cbc - (mac - 20)
      assert.is(link - IP[family] - UDP_AND_TYPE - overhead, expected, `${name} at ${link} over IPv${family}`)
    }
  }
})

test.run()
