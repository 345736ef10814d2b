import type { Plugin } from '../../core/api.ts'
import { runCommandLine } from './command-line.ts'
import { CliConfig } from './config.ts'
import { Terminal } from './terminal.ts'

export default {
  name: 'cli',
  summary: 'The command line',
  config: CliConfig,
  start: () => undefined,
  commandLine: (argv, host) => runCommandLine(argv, host, new Terminal(process.stdin, process.stdout, process.stderr, process.env)),
} satisfies Plugin<CliConfig>
