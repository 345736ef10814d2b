import { resolve } from 'node:path'
import { GatewayError, USER_IMPORT, type CommandDefinition, type CommandInput, type CommandResult, type LocalPlace, type UserImportResult } from '../../core/api.ts'
import { assemble } from './assemble.ts'
import { NEWEST, versionOf, VERSIONS } from './defaults.ts'
import { Findings } from './finding.ts'
import { reportText } from './report.ts'
import { CONFIG_NAME, REPORT_NAME, ResultFolder } from './result-folder.ts'
import { readConf, readMaterial } from './sources.ts'
import type { ImportedUser } from './users.ts'

export const IMPORT_OCSERV: CommandDefinition = {
  path: 'import ocserv', summary: 'Make a configuration and users of an ocserv.conf; without --write only show what would become of it', where: 'local',
  args: [{ name: 'file', description: 'the configuration of ocserv' }],
  options: [
    { name: 'write', description: `folder for ${CONFIG_NAME} and ${REPORT_NAME}; the users go into the data directory`, type: 'text', placeholder: 'DIR' },
    { name: 'from-version', description: `the ocserv whose defaults the file counts on (${VERSIONS.join(', ')}); ${NEWEST} when absent`, type: 'text', placeholder: 'VERSION' },
    { name: 'base', description: 'working directory of ocserv, from which it resolves file names; / when absent', type: 'text', placeholder: 'DIR' },
    { name: 'replace', description: 'replace files and users that are there already', type: 'flag' },
  ],
}


/** `postern import ocserv FILE`. */
export const importOcserv = (place: LocalPlace) => async ({ args, options, actor }: CommandInput): Promise<CommandResult> => {
  const file = resolve(args['file'] ?? '')
  const version = versionOf(typeof options['from-version'] === 'string' ? options['from-version'] : NEWEST)
  if (version === undefined) throw new GatewayError('USAGE', `--from-version: there are ${VERSIONS.join(', ')}`)
  const base = resolve(typeof options['base'] === 'string' ? options['base'] : '/')
  const findings = new Findings()
  const { config, users } = assemble(readConf(file), (named) => readMaterial(named, findings), { base, version, findings }, place)
  const report = (): string => reportText(findings.list, { file, version, users: users.length })
  const data = () => ({ file, version, findings: findings.list.map(({ line, ...finding }) => ({ ...finding, line: line || null })), users: users.map(({ name, groups, locked }) => ({ name, groups, locked })) })
  if (typeof options['write'] !== 'string') return { data: { ...data(), config, written: null }, text: `${report()}\nnothing was written; --write DIR writes ${CONFIG_NAME} and imports the users` }
  const replace = options['replace'] === true
  const folder = ResultFolder.stage(options['write'], { config, report: report() }, replace)
  try {
    const taken = users.length === 0 ? undefined : await takeUsers(users, folder, replace, actor, place)
    for (const { user, key, text } of taken?.leftOut ?? []) findings.add('refused', { name: key, file }, `user ${user}: is left out: ${text}`)
    folder.commit(report())
    return { data: { ...data(), written: folder.folder, userChanges: taken ?? null }, text: `${report()}\n${done(folder.folder, taken, place.dataDirectory)}` }
  } catch (error) {
    folder.discard()
    throw error
  }
}

async function takeUsers(users: readonly ImportedUser[], folder: ResultFolder, replace: boolean, actor: string, place: LocalPlace): Promise<UserImportResult> {
  try {
    return await place.withStore(folder.stagedConfig, (service) => service(USER_IMPORT).take(users.map((user) => ({ ...user, policy: Object.fromEntries(user.policy) })), { replace, actor }))
  } catch (error) {
    if (error instanceof GatewayError && (error.code === 'ALREADY_RUNNING' || error.code === 'STORE_BUSY')) throw new GatewayError(error.code, `a gateway runs on ${place.dataDirectory}: stop it for the import, or name another --data-dir; nothing was written`, { cause: error })
    throw error
  }
}

function done(folder: string, taken: UserImportResult | undefined, dataDirectory: string): string {
  const users = taken === undefined ? 'no users' : `${taken.added.length} users added, ${taken.replaced.length} replaced, ${taken.kept.length} kept as they were, in ${dataDirectory}`
  return `${folder}/${CONFIG_NAME} and ${REPORT_NAME} written; ${users}\nnext: postern --config ${folder}/${CONFIG_NAME} check`
}
