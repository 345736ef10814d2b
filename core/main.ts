import { createX509, createCrypt, createDataPlane, forbidCoreDumps } from '../native/index.ts'
import { plugins } from '../plugins/index.ts'
import { check } from './check.ts'
import { CORE_COMMANDS } from './commands/core-command-list.ts'
import { DEFAULT_CONFIG_FILE } from './config/load.ts'
import { adminSocket, DEFAULT_DATA_DIRECTORY, locate } from './locations.ts'
import { runOffline } from './offline.ts'
import type { CommandLineHost } from './plugin.ts'
import { serve } from './serve.ts'
import { VERSION } from './version.ts'

/** Puts core, plugins and data plane together and hands the terminal to the plugin that talks to it. */
const host: CommandLineHost = {
  definitions: [...CORE_COMMANDS.map(({ definition }) => definition), ...plugins.flatMap((plugin) => plugin.commands ?? [])],
  version: VERSION,
  defaults: { config: DEFAULT_CONFIG_FILE, dataDirectory: DEFAULT_DATA_DIRECTORY },
  serve(options) {
    // For developers: what crashed can be looked at, with every secret in it.
    const dumps = process.env.POSTERN_CORE_DUMPS === '1'
    return serve(options, { plugins, createDataPlane, crypt: createCrypt(), x509: createX509(), forbidCoreDumps: dumps ? undefined : forbidCoreDumps })
  },
  check: (options) => check(options, plugins),
  runOffline: (options, path, input) => runOffline(options, path, input, plugins, createX509()),
  socketPath: (options) => adminSocket(locate(options).dataDirectory),
}

const commandLine = plugins.find((plugin) => plugin.commandLine)?.commandLine
if (!commandLine) throw new Error('no plugin talks to the terminal')
process.exitCode = await commandLine(process.argv.slice(2), host)
// Nothing should be left that keeps the process; if something is, the answer has been given all the same.
setTimeout(() => process.exit(), 1000).unref()
