import { domainName, type LocalPlace } from '../../core/api.ts'
import type { ConfText } from './conf-text.ts'
import type { Version } from './defaults.ts'
import { filesNamed, NO_MATERIAL, type Material, type NamedFiles } from './files-named.ts'
import type { Findings } from './finding.ts'
import type { HostSource } from './hosts.ts'
import { inherit, joined, valuesOf, type Values } from './part.ts'
import { settledText } from './settle.ts'
import { translate } from './translate.ts'
import type { ImportedUser } from './users.ts'

export interface AssembleOptions {
  /** Working directory of ocserv. */
  readonly base: string
  readonly version: Version
  readonly findings: Findings
}

/** From the text of an ocserv.conf to the text of a postern.toml and its users. `read` fetches the files that it names. */
export function assemble(text: ConfText, read: (named: NamedFiles) => Material, { base, version, findings }: AssembleOptions, place: Pick<LocalPlace, 'problemsOf'>): { readonly config: string; readonly users: readonly ImportedUser[] } {
  const values = joined(text.sections.filter(({ host }) => host === undefined).map((section) => valuesOf(section, 'main', findings)))
  const material = read(filesNamed(values, base))
  const hosts = hostNames(text, findings).map((name) => hostSource(name, text, values, read, { base, version, findings }))
  const { sections, users } = translate({ text, values, material, hosts, findings, base, version })
  const head = [`Made by "postern import ocserv" of ${text.file}, read as of ocserv ${version}.`, 'report.txt beside it says what became of every line.']
  return { config: settledText(sections, head, text.file, findings, place), users }
}

function hostNames({ sections, file }: ConfText, findings: Findings): readonly string[] {
  return [...new Set(sections.flatMap(({ host, line }) => {
    if (host === undefined || domainName().safeParse(host).success) return host ?? []
    findings.add('refused', { name: 'section', file, line }, `[vhost:${host.slice(0, 64)}]: is not a domain name, so no client can ask for it`)
    return []
  }))]
}

function hostSource(name: string, text: ConfText, above: Values, read: (named: NamedFiles) => Material, { base, findings }: AssembleOptions): HostSource {
  const sections = text.sections.filter(({ host }) => host === name)
  const own = joined(sections.map((section) => valuesOf(section, 'host', findings)))
  const values = inherit(own, above)
  const apart = own.has('auth') || own.has('enable-auth')
  return { name, line: sections[0]?.line ?? 0, own, values, material: apart ? read(filesNamed(values, base)) : NO_MATERIAL }
}
