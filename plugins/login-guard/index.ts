import { AUDIT, CLOCK, HEALTH, SESSIONS, STORE, type Audit, type Clock, type Health, type Plugin, type Sessions, type Store } from '../../core/api.ts'
import { AttackWatch } from './attack-watch.ts'
import { BAN_COMMANDS, BanCommands } from './ban-commands.ts'
import { BanList } from './ban-list.ts'
import { BanRule } from './ban-rule.ts'
import { BanTable, MIGRATIONS } from './ban-table.ts'
import { LoginGuardConfig, settingsOf } from './config.ts'
import { Guard } from './guard.ts'
import { GuardCounters } from './guard-counters.ts'
import { KnownPlaces } from './known-places.ts'
import { WaitingRoom } from './waiting-room.ts'

const PURGE_MS = 3_600_000

export default {
  name: 'login-guard',
  summary: 'Slows and bans who tries passwords; bans by hand',
  config: LoginGuardConfig,
  runs: 'always',
  requires: [AUDIT, CLOCK, STORE],
  commands: BAN_COMMANDS,
  start(context) {
    const { container, log, mode, slots } = context
    const [audit, clock, store] = [container.resolve<Audit>(AUDIT), container.resolve<Clock>(CLOCK), container.resolve<Store>(STORE)]
    store.migrate('login-guard', MIGRATIONS)
    const bans = new BanList(new BanTable(store), clock, log)
    const settings = settingsOf(context.config)
    const register = (commands: BanCommands): void => Object.entries(commands.handlers).forEach(([path, handler]) => context.command(path, handler))
    if (mode === 'command') {
      register(new BanCommands({ audit, bans, clock, settings: () => settings, serving: undefined }))
      return
    }
    const room = new WaitingRoom(clock)
    const banned = (): number => bans.list().length
    const counters = new GuardCounters({ waiting: () => room.size, banned })
    const known = new KnownPlaces(store, clock, log)
    const watch = new AttackWatch(clock, container.resolve<Health>(HEALTH), banned)
    const guard = new Guard({ audit, bans, clock, counters, known, log, room, watch }, settings)
    register(new BanCommands({ audit, bans, clock, settings: () => guard.settings, serving: { sessions: container.resolve<Sessions>(SESSIONS), guard } }))
    context.onConfig((config) => {
      guard.settings = settingsOf(config)
    })
    context.add(slots.loginGuard, guard)
    context.add(slots.admission, new BanRule(bans))
    context.add(slots.metric, counters)
    context.add(slots.status, {
      name: 'bans',
      status: () => {
        const list = bans.list()
        const networks = list.filter(({ kind }) => kind === 'network').length
        const users = list.length - networks + guard.locked().length
        return { data: { networks, users, waiting: room.size }, text: list.length + users === 0 ? undefined : `bans: ${networks} networks, ${users} users (postern ban list)` }
      },
    })
    watch.start()
    let timer = clock.after(PURGE_MS, function again() {
      bans.purge()
      known.purge(guard.settings.knownMs)
      timer = clock.after(PURGE_MS, again)
    })
    context.onStop(() => {
      timer.cancel()
      watch.stop()
      room.close()
      known.save()
    })
  },
} satisfies Plugin<LoginGuardConfig>
