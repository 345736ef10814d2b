import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { CommandDefinition } from '../../core/api.ts'
import { formatBytes, formatDuration, formatTime, formatValue, valueAt } from './format.ts'
import { painter } from './paint.ts'
import { present } from './present.ts'
import { printable, printableLines } from './printable.ts'
import { renderStatus } from './status-view.ts'
import { renderTable } from './table.ts'

const plain = { json: false, colored: false, width: undefined }
const list: CommandDefinition = { path: 'session list', summary: '', where: 'gateway', columns: [{ key: 'id', title: 'ID' }, { key: 'rx', title: 'Received', format: 'bytes' }, { key: 'agent', title: 'Agent' }] }

test('bytes have three digits and a decimal unit', () => {
  assert.equal([0, 999, 1000, 9_994, 9_996, 99_949, 99_960, 999_499, 999_500, 1_250_000, 12_500_000_000].map(formatBytes), ['0 B', '999 B', '1.00 kB', '9.99 kB', '10.0 kB', '99.9 kB', '100 kB', '999 kB', '1.00 MB', '1.25 MB', '12.5 GB'])
  assert.is(formatValue(5n, 'bytes'), '5 B')
})

test('durations show their two largest units', () => {
  assert.equal([0, 45, 60, 312, 3600, 3661, 86_400, 183_600, 90_061].map(formatDuration), ['0s', '45s', '1m', '5m 12s', '1h', '1h 1m', '1d', '2d 3h', '1d 1h'])
})

test('times are local, and what is no time is left as it is', () => {
  assert.match(formatTime('2026-11-21T08:36:43.120Z'), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
  assert.is(formatTime('soon'), 'soon')
})

test('values read well', () => {
  assert.is(formatValue(undefined, undefined), '-')
  assert.is(formatValue(null, 'time'), '-')
  assert.is(formatValue([], 'list'), '-')
  assert.is(formatValue(['a', 'b'], 'list'), 'a, b')
  assert.is(formatValue(false, undefined), 'no')
  assert.is(valueAt({ tls: { cipher: 'AES' } }, 'tls.cipher'), 'AES')
  assert.is(valueAt({ tls: null }, 'tls.cipher'), undefined)
})

test('no control character of a stranger reaches the terminal', () => {
  assert.is(printable('a\x1b]0;x\x07\n\u009b2J\u202eb'), 'a\ufffd]0;x\ufffd\ufffd\ufffd2J\ufffdb')
  assert.is(printableLines('a\nb\x1b'), 'a\nb\ufffd')
  const out = present(list, { data: [{ id: 'x', agent: '\x1b[31m' }], text: '\x1b[2J' }, plain)
  assert.not.ok(out.includes('\x1b'))
})

test('a table is aligned; numbers to the right', () => {
  assert.is(present(list, { data: [{ id: 'abc', rx: 5, agent: 'openconnect' }, { id: 'd', rx: 1500 }] }, plain), 'ID   Received  Agent\nabc       5 B  openconnect\nd     1.50 kB  -\n')
})

test('on a screen a table is cut where it is widest, the first column never; elsewhere not at all', () => {
  const rows = [{ id: 'i'.repeat(26), rx: 1, agent: 'a'.repeat(200) }]
  const cut = renderTable(list.columns!, rows, 80, painter(false))
  for (const line of cut.split('\n')) assert.ok(line.length <= 80, line)
  assert.ok(cut.includes('i'.repeat(26)) && cut.includes('a…'))
  assert.ok(renderTable(list.columns!, rows, undefined, painter(false)).includes('a'.repeat(200)))
  assert.ok(renderTable(list.columns!, rows, 10, painter(false)).includes('i'.repeat(26)), 'too narrow to fit ends, all the same')
})

test('a record is one value a line', () => {
  assert.is(present(list, { data: { id: 'abc', rx: 5 }, text: 'done' }, plain), 'ID:       abc\nReceived: 5 B\nAgent:    -\ndone\n')
  assert.is(present({ ...list, columns: [] as never, path: 'x' }, { data: undefined, text: 'done' }, plain), 'done\n')
})

test('what has no columns shows its text, or what it is', () => {
  const bare: CommandDefinition = { path: 'group show', summary: '', where: 'either' }
  assert.is(present(bare, { data: { a: 1 }, text: 'said' }, plain), 'said\n')
  assert.is(present(bare, { data: { a: 1 } }, plain), 'a: 1\n')
  assert.is(present(bare, { data: [] }, plain), 'no groups\n')
})

test('--json prints the data alone, with numbers for counters', () => {
  assert.is(present(list, { data: [{ rx: 5n }], text: 'said' }, { ...plain, json: true, colored: true }), '[\n  {\n    "rx": 5\n  }\n]\n')
  assert.is(present(list, { data: undefined }, { ...plain, json: true }), 'null\n')
})

test('color is for titles, and only when it is on', () => {
  assert.match(present(list, { data: [{ id: 'x' }] }, { ...plain, colored: true }), /^\x1b\[1mID/)
  assert.not.match(present(list, { data: [{ id: 'x' }] }, plain), '\x1b')
})

test('status is told at a glance', () => {
  const data = {
    version: '0.1.0', uptimeSec: 11_520,
    listeners: [{ address: '0.0.0.0', port: 443 }, { address: '::', port: 443 }],
    udp: [{ address: '0.0.0.0', port: 443 }],
    throughput: { rxBytes: 1_250_000, txBytes: 5 },
    sessions: { total: 12, dtls: 10, tls: 0, waiting: 2 },
    plugins: [{ name: 'auth-local', state: 'on' }, { name: 'cli', state: 'on' }, { name: 'firewall', state: 'skipped', reason: 'nft is not installed: no masquerading' }],
    health: [{ code: 'x', severity: 'warning', text: 'the disk is nearly full', since: '2026-11-21T08:00:00Z' }],
  }
  const lines = present({ path: 'status', summary: '', where: 'gateway' }, { data, text: 'ignored' }, plain).split('\n')
  assert.equal(lines.slice(0, 6), [
    'postern    0.1.0, up 3h 12m',
    'listening  0.0.0.0:443, [::]:443, TLS and DTLS',
    'sessions   12 (10 dtls, 2 waiting)',
    'traffic    1.25 MB from clients, 5 B to clients',
    'plugins    auth-local, cli',
    '           firewall skipped: nft is not installed: no masquerading',
  ])
  assert.match(lines[6]!, /^health {5}warning: the disk is nearly full \(since 2026/)
  assert.match(renderStatus({ ...data, health: [] }, painter(false))!, 'health     good')
  assert.match(renderStatus({ ...data, udp: [] }, painter(false))!, '[::]:443, TLS only\n')
  assert.is(renderStatus({ version: 1 }, painter(false)), undefined)
})

test.run()
