import type { Plugin } from '../../core/api.ts'
import { ImportOcservConfig } from './config.ts'
import { IMPORT_OCSERV, importOcserv } from './import-command.ts'

export default {
  name: 'import-ocserv',
  summary: 'Takes over the configuration and the users of an ocserv',
  config: ImportOcservConfig,
  commands: [IMPORT_OCSERV],
  local: { [IMPORT_OCSERV.path]: importOcserv },
  start: () => undefined,
} satisfies Plugin<ImportOcservConfig>
