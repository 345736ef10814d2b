import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatDuration } from '../../core/api.ts'
import { LoginGuardConfig } from './config.ts'
import { GuardCounters } from './guard-counters.ts'
import { BOUNDS, delayAt, THRESHOLDS } from './thresholds.ts'

const README = readFileSync(new URL('README.md', import.meta.url), 'utf8')

test('the bounds in the README are those of the code', () => {
  const delays = Array.from({ length: 5 }, (_, beyond) => delayAt(THRESHOLDS.freePair + beyond, THRESHOLDS.freePair) / 1000)
  for (const row of [
    `| points of a failure | ${THRESHOLDS.failure} |`,
    `| points of a failure under a name that is new to the network | ${THRESHOLDS.newName} |`,
    `| points of a pair from which attempts are delayed | ${THRESHOLDS.freePair} |`,
    `| points of a name from which attempts from unknown networks are delayed | ${THRESHOLDS.freeAccount} |`,
    `| delays | ${delays.join(', ')} s |`,
    `| a /48 is banned at | ${THRESHOLDS.siteFactor} times \`ban-after\` |`,
    `| longest automatic ban | ${formatDuration(THRESHOLDS.maxBanMs / 1000)} |`,
    `| a ban makes the next one longer for | ${formatDuration(THRESHOLDS.rememberedMs / 1000)} |`,
    `| ${[BOUNDS.pairs, BOUNDS.networks, BOUNDS.accounts, BOUNDS.sites].join(', ')} |`,
    `| automatic bans, bans by hand | ${BOUNDS.automaticBans}, ${BOUNDS.manualBans} |`,
    `| known places | ${BOUNDS.knownPlaces} |`,
    `| delayed answers: in all, of a network, of a name | ${BOUNDS.waiting}, ${BOUNDS.waitingOfNetwork}, ${BOUNDS.waitingOfAccount} |`,
  ]) assert.ok(README.includes(row), row)
})

test('every key has its row, with its default', () => {
  const durations = ['half-life', 'ban-time', 'known-for']
  for (const [key, value] of Object.entries(LoginGuardConfig.parse({}))) {
    const shown = durations.includes(key) ? formatDuration(Number(value)) : Array.isArray(value) ? '[]' : String(value)
    assert.ok(README.includes(`| \`${key}\` | ${shown} |`), key)
  }
})

test('every metric has its row', () => {
  for (const { name, type } of new GuardCounters({ waiting: () => 0, banned: () => 0 }).collect()) assert.ok(README.includes(`| \`${name}\` | ${type} |`), name)
})

test.run()
