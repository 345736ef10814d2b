import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { rekeying } from './rekey.ts'

const method = ['X-CSTP-Rekey-Method', 'new-tunnel']
const time = (seconds: number): readonly string[] => ['X-CSTP-Rekey-Time', String(seconds)]
const YEAR = 31_536_000

test('D11 who makes new keys, by method and version', () => {
  const policy = { rekeyTimeSec: 43_200, rekeyMethod: 'new-tunnel' } as const
  assert.equal(rekeying(policy, 'TLSv1.3', 0), { headers: [time(43_200), method], rekeySec: 0 })
  assert.equal(rekeying({ ...policy, rekeyMethod: 'ssl' }, 'TLSv1.3', 0), { headers: [time(YEAR), method], rekeySec: 43_200 })
  assert.equal(rekeying({ ...policy, rekeyMethod: 'ssl' }, 'TLSv1.2', 0), { headers: [time(43_200), method], rekeySec: 0 })
  for (const rekeyMethod of ['new-tunnel', 'ssl'] as const) assert.equal(rekeying({ rekeyTimeSec: 0, rekeyMethod }, 'TLSv1.3', 0.5), { headers: [time(YEAR), method], rekeySec: 0 })
})

test('D11 a crowd rekeys at different times, never later than asked', () => {
  const policy = { rekeyTimeSec: 43_200, rekeyMethod: 'ssl' } as const
  assert.is(rekeying(policy, 'TLSv1.3', 1).rekeySec, 38_880)
  assert.is(rekeying(policy, 'TLSv1.3', 0.5).rekeySec, 41_040)
})

test.run()
