import { join } from 'node:path'
import { COMMANDS, type Commands, type Plugin } from '../../core/api.ts'
import { groupId, listenOn, shareWith } from './admin-socket.ts'
import { commandServer } from './command-server.ts'
import { AdminApiConfig } from './config.ts'

const GROUP = 'postern'
const UNUSED = 'listen is accepted but not yet in force: the unix socket is the only way in'

export default {
  name: 'admin-api',
  summary: 'Commands on a unix socket in the data directory',
  config: AdminApiConfig,
  requires: [COMMANDS],
  check: ({ listen }) => (listen.length > 0 ? [{ severity: 'warning', text: UNUSED }] : []),
  async start(context) {
    const path = join(context.gatewayDirectory, 'admin.sock')
    const server = commandServer(context.container.resolve<Commands>(COMMANDS), context.log)
    context.onStop(await listenOn(server, path))
    const group = groupId(GROUP)
    if (group !== undefined) {
      try {
        shareWith(path, group)
      } catch (error) {
        context.log.warn('the admin socket stays with its owner alone', { group: GROUP, error })
      }
    }
    context.onConfig(({ listen }) => {
      if (listen.length > 0) context.log.warn(UNUSED)
    })
    context.log.info('admin socket ready', { path })
  },
} satisfies Plugin<AdminApiConfig>
