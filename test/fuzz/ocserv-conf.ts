import { problemsOf } from '../../core/config/load.ts'
import { ConfigError, GatewayError } from '../../core/errors.ts'
import { plugins } from '../../plugins/index.ts'
import { assemble } from '../../plugins/import-ocserv/assemble.ts'
import { parseConf, type ConfText } from '../../plugins/import-ocserv/conf-text.ts'
import { NEWEST } from '../../plugins/import-ocserv/defaults.ts'
import { NO_MATERIAL, type Material } from '../../plugins/import-ocserv/files-named.ts'
import { Findings } from '../../plugins/import-ocserv/finding.ts'
import { parsePasswords } from '../../plugins/import-ocserv/password-file.ts'
import { reportText } from '../../plugins/import-ocserv/report.ts'

export const short = true

const place = { problemsOf: (text: string, file: string) => problemsOf(text, file, plugins) }
const MARK = '\n%%\n'

/** An ocserv.conf, an ocpasswd and the file of one group and user, between `%%` lines: a configuration that loads, or one line. */
export function run(bytes: Uint8Array): void {
  const [conf = '', passwords = '', own = ''] = Buffer.from(bytes).toString('latin1').split(MARK)
  const findings = new Findings()
  try {
    const text = (part: string, name: string): ConfText => parseConf(Buffer.from(part, 'latin1'), `/etc/ocserv/${name}`)
    const material: Material = { ...NO_MATERIAL, passwords: parsePasswords(Buffer.from(passwords, 'latin1'), '/etc/ocserv/ocpasswd'), users: new Map([['bob', text(own, 'bob')]]), groups: new Map([['staff', text(own, 'staff')]]) }
    const { config } = assemble(text(conf, 'ocserv.conf'), () => material, { base: '/', version: NEWEST, findings }, place)
    if (problemsOf(config, '/etc/postern/postern.toml', plugins).length > 0) throw new Error('what is written does not load')
    if (/\$[56]\$/.test(reportText(findings.list, { file: '', version: '', users: 0 }) + config) && !/\$[56]\$/.test(conf + own)) throw new Error('a hash is in what people read')
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof GatewayError)) throw error
    if (error.code !== 'CONFIG' || error.message.length > 1000) throw new Error('a refusal is not one line', { cause: error })
  }
}
