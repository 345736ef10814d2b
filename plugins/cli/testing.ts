/**
 * A command line on a host of its own, for tests: its commands answer with what they were given.
 *
 *   node --import tsx plugins/cli/testing.ts SOCKET ARGUMENT...
 */
import { GatewayError, type CommandDefinition, type CommandLineHost } from '../../core/api.ts'
import { runCommandLine } from './command-line.ts'
import { Terminal } from './terminal.ts'

const NAME = { name: 'name', description: 'name of the user' }
export const DEFINITIONS: readonly CommandDefinition[] = [
  { path: 'user add', summary: 'Add a user', args: [NAME], options: [{ name: 'group', short: 'g', type: 'list', placeholder: 'GROUP', description: 'group' }], where: 'either', secretFromStdin: 'password-stdin' },
  { path: 'user list', summary: 'List the users', where: 'either', columns: [{ key: 'name', title: 'Name' }, { key: 'groups', title: 'Groups', format: 'list' }] },
  { path: 'user remove', summary: 'Remove a user', args: [NAME], where: 'either', confirm: 'Remove the user?' },
  { path: 'session list', summary: 'List the sessions', where: 'gateway', columns: [{ key: 'id', title: 'ID' }, { key: 'agent', title: 'Agent' }, { key: 'tls.cipher', title: 'Cipher' }, { key: 'rxBytes', title: 'Received', format: 'bytes' }] },
  { path: 'session drop', summary: 'Drop a session', args: [{ name: 'id', description: 'id' }], options: [{ name: 'reason', type: 'text', placeholder: 'TEXT', description: 'told to the client' }], where: 'gateway' },
  { path: 'audit', summary: 'Show the audit', options: [{ name: 'limit', type: 'number', placeholder: 'COUNT', description: 'entries' }], where: 'either' },
  { path: 'status', summary: 'Show the state', where: 'gateway' },
  { path: 'slow', summary: 'Take its time', where: 'local' },
]

export const stubHost = (socketPath: string): CommandLineHost => ({
  definitions: DEFINITIONS,
  version: '1.2.3',
  defaults: { config: '/etc/postern/postern.toml', dataDirectory: '/var/lib/postern' },
  serve: (options) => Promise.resolve(options.config === 'broken.toml' ? 1 : 0),
  check: (options) => {
    if (options.config === 'missing.toml') throw new GatewayError('CONFIG_FILE', 'missing.toml: no such file')
    const ok = options.config !== 'broken.toml'
    return Promise.resolve({ ok, findings: ok ? [] : [{ severity: 'error', text: 'broken.toml:3:1: unknown key "moed" (did you mean "mode"?)' }] })
  },
  runOffline: async (_options, path, input) => {
    if (path === 'user list') return { data: [] }
    if (path === 'slow') await new Promise((resolve) => setTimeout(resolve, 2_500))
    if (input.args['name'] === 'nobody') throw new GatewayError('USER_UNKNOWN', 'there is no user nobody')
    const name = input.args['name']
    return { data: { offline: path, ...input }, ...(name === undefined ? {} : { text: `offline ${path} ${name}` }) }
  },
  socketPath: () => socketPath,
})

if (process.argv[1] === import.meta.filename) {
  const [socketPath = '', ...argv] = process.argv.slice(2)
  process.exitCode = await runCommandLine(argv, stubHost(socketPath), new Terminal(process.stdin, process.stdout, process.stderr, process.env))
}
