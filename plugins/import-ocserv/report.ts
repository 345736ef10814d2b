import { dirname, relative } from 'node:path'
import { FATES, type Fate, type Finding } from './finding.ts'

const TITLES: Readonly<Record<Fate, string>> = {
  refused: 'REFUSED: look at these, clients may notice',
  explained: 'EXPLAINED: not needed, or done otherwise',
  mapped: 'MAPPED: written into postern.toml or the store',
  'default-written': 'DEFAULTS of ocserv, written out because the file is silent',
}

export interface ReportFacts {
  readonly file: string
  readonly version: string
  readonly users: number
}

/** What became of every line, for people; worst first, in the order of the files. */
export function reportText(findings: readonly Finding[], { file, version, users }: ReportFacts): string {
  const count = (fate: Fate): number => findings.filter(({ severity }) => severity === fate).length
  const head = `${file}, read as of ocserv ${version}: ${count('mapped')} settings mapped, ${count('refused')} refused, ${count('explained')} explained, ${count('default-written')} defaults written, ${users} ${users === 1 ? 'user' : 'users'}`
  const blocks = FATES.flatMap((fate) => {
    const own = findings.filter(({ severity }) => severity === fate).sort((a, b) => Number(a.file !== file) - Number(b.file !== file) || a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0))
    if (own.length === 0) return []
    const places = own.map((finding) => [placeOf(finding, file), finding.option] as const)
    const [wide, wider] = [Math.max(...places.map(([place]) => place.length)), Math.max(...places.map(([, option]) => option.length))]
    return [['', TITLES[fate], ...own.map(({ text }, at) => `  ${(places[at]?.[0] ?? '').padEnd(wide)}  ${(places[at]?.[1] ?? '').padEnd(wider)}  ${text}`)].join('\n')]
  })
  return [head, ...blocks, ''].join('\n')
}

/** A line of `file`, or of another one, whose name is relative where it lies below. */
function placeOf(finding: Finding, file: string): string {
  const line = finding.line ? String(finding.line) : ''
  if (finding.file === file || finding.file === '') return line
  const below = relative(dirname(file), finding.file)
  return `${below.startsWith('..') ? finding.file : below}${line === '' ? '' : `:${line}`}`
}
