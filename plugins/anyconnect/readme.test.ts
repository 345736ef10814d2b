import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DEFAULT_LIMITS } from '../../core/api.ts'
import { Counters } from './counters.ts'
import { MAX_TRIES } from './dialogue.ts'
import { MAX_ANSWER } from './form-answers.ts'
import { PLACE_LIMITS } from './login-places.ts'
import { DIALOGUE_LIMITS } from './dialogues.ts'
import { REQUEST_LIMITS } from './request-guard.ts'

const README = readFileSync(new URL('README.md', import.meta.url), 'utf8')
const number = (value: number): string => value.toLocaleString('en')
const bytes = (value: number): string => (value % 1048576 === 0 ? `${value / 1048576} MiB` : `${value / 1024} KiB`)
const seconds = (ms: number): string => `${ms / 1000} s`

test('the bounds in the README are those of the code', () => {
  const limits = REQUEST_LIMITS
  for (const row of [
    `| ${number(DEFAULT_LIMITS.connections)} in all, ${DEFAULT_LIMITS.connectionsPerAddress} from one address (`,
    `| ${DEFAULT_LIMITS.handshakes} for each front thread, ${DEFAULT_LIMITS.handshakes / 2} from one address; ${seconds(DEFAULT_LIMITS.handshakeTimeoutMs)} |`,
    `| ${number(DEFAULT_LIMITS.connections / 2)} for each front thread; ${seconds(DEFAULT_LIMITS.handshakeTimeoutMs)} |`,
    `| ${number(limits.connections)} in all, ${limits.connectionsPerNetwork} from one address |`,
    `| ${bytes(limits.headBytes)}, ${limits.headers} headers |`,
    `| ${bytes(limits.bodyBytes)} (`,
    `| ${bytes(limits.allBodiesBytes)}; up to ${bytes(limits.smallBodyBytes)} each`,
    `| ${seconds(limits.headersTimeoutMs)}, ${seconds(limits.requestTimeoutMs)} (`,
    `| ${seconds(limits.keepAliveTimeoutMs)} |`,
    `| ${number(DIALOGUE_LIMITS.total)} in all, ${DIALOGUE_LIMITS.perAddress} from one address |`,
    `| wrong answers in one dialogue | ${MAX_TRIES} |`,
    `| ${number(PLACE_LIMITS.total)} in all, ${PLACE_LIMITS.perUser} for one user, ${PLACE_LIMITS.perUserAndNetwork} of them from one address;`,
    `| one value of a form | ${number(MAX_ANSWER)} characters |`,
  ]) assert.ok(README.includes(row), row)
})
test('every metric has its row', () => {
  const counters = new Counters({ size: 0, evicted: 0 })
  counters.loggedIn(['local', 'totp'])
  counters.refused('local', 'wrong-credentials')
  for (const { name, type } of counters.collect()) assert.ok(README.includes(`| \`${name}\` | ${type} |`), name)
})
test('the table of chains says "yes" exactly where the conformance tests have a journey', () => {
  const journeys = ['chains', 'certificates'].map((name) => readFileSync(new URL(`../../test/conformance/${name}.test.ts`, import.meta.url), 'utf8')).join('').matchAll(/\{ chain: '([^']+)', client: '(xml|plain)'/g)
  const proved = new Set([...journeys].map(([, chain = '', client = '']) => `${chain} ${client}`))
  const rows = README.slice(README.indexOf('| Chain |')).split('\n').slice(2)
  const said = rows.slice(0, rows.indexOf('')).flatMap((row) => {
    const [, chain = '', xml = '', plain = ''] = row.split('|').map((cell) => cell.trim())
    return [...(xml.startsWith('yes') ? ['xml'] : []), ...(plain.startsWith('yes') ? ['plain'] : [])].map((client) => `${chain.replaceAll('`', '')} ${client}`)
  })
  assert.ok(said.length > 4)
  assert.equal(said.sort(), [...proved].sort())
})

test.run()
