import { POLICY_KEYS, POLICY_PROPERTIES, type PolicyKey } from '../../core/api.ts'
import type { Entry } from './conf-text.ts'
import type { Fate, Findings } from './finding.ts'
import { parsePortRules } from './port-rules.ts'
import type { Table, Written } from './setting.ts'
import { durationText, isOn, networkText, numberIn, rateText, wordsOf } from './values.ts'

/** Entries of a list that the report repeats. */
const SHOWN = 4
const MONTH = 30 * 86_400
const YEAR = 365 * 86_400
const PROPERTY = new Map<string, PolicyKey>(POLICY_PROPERTIES.map((property) => [POLICY_KEYS[property].key, property]))

/** Whether `[policy]` takes the value for the key; else why not. */
export function policyProblem(key: string, value: Written): string | undefined {
  const property = PROPERTY.get(key)
  if (!property) return 'is not known here'
  const result = POLICY_KEYS[property].schema.safeParse(value)
  return result.success ? undefined : (result.error.issues[0]?.message ?? 'is not accepted')
}

/** Where the values of one layer go: `[policy]`, a group's, a user's. */
class Layer {
  readonly table: Table = new Map()
  constructor(readonly findings: Findings, private readonly fate: Fate, private readonly where: string) {}

  set(entry: Entry, key: string, value: Written, note = ''): void {
    const problem = policyProblem(key, value)
    if (problem !== undefined) return this.findings.add('refused', entry, `${this.where}${key}: ${problem}`)
    this.table.set(key, value)
    this.findings.add(this.fate, entry, `${this.where}${key} = ${Array.isArray(value) && value.length > SHOWN ? `${value.length} entries` : JSON.stringify(value)}${note}`)
  }
}

type Translator = (entries: readonly Entry[], layer: Layer) => void
const last = (entries: readonly Entry[]): Entry => entries.at(-1) as Entry

/** One value, the last that was given; `read` may add what the reader should know. */
const single = (key: string, read: (text: string) => Written): Translator => (entries, layer) => layer.set(last(entries), key, read(last(entries).value))
const flag = (key: string, value = (on: boolean): boolean => on): Translator => single(key, (text) => value(isOn(text)))
const seconds = (keys: readonly string[], most = MONTH): Translator => (entries, layer) => {
  const entry = last(entries)
  const { value, exact } = numberIn(entry.value)
  const note = value > most ? `; ${value} s is more than is taken` : exact ? '' : '; read as ocserv does, by the digits in front'
  for (const key of keys) layer.set(entry, key, durationText(value, most), note)
}
/** Every entry of a list; what is not accepted is refused alone. */
const list = (key: string, read: (text: string) => readonly string[] | string): Translator => (entries, layer) => {
  const good: string[] = []
  for (const entry of entries) {
    const values = read(entry.value)
    if (typeof values === 'string') {
      layer.findings.add('refused', entry, values)
      continue
    }
    for (const value of values) {
      const problem = policyProblem(key, [value])
      if (problem !== undefined) layer.findings.add('refused', entry, `${key}: ${problem}`)
      else if (!good.includes(value)) good.push(value)
    }
  }
  if (good.length > 0 || entries.every(({ value }) => isDefaultRoute(value))) layer.set(last(entries), key, good)
}

export const isDefaultRoute = (value: string): boolean => value === 'default' || value === '0.0.0.0/0' || value === '0.0.0.0/0.0.0.0'
const network = (text: string): readonly string[] | string => {
  const canonical = networkText(text)
  return canonical === undefined ? `${JSON.stringify(text.slice(0, 80))} is not a network such as 10.0.0.0/8 or 10.0.0.0/255.0.0.0` : [canonical]
}

const routes: Translator = (entries, layer) => {
  const everything = entries.find(({ value }) => isDefaultRoute(value))
  if (!everything) return list('split-include', network)(entries, layer)
  layer.set(everything, 'split-include', [], '; everything goes through the tunnel')
}

const ports: Translator = (entries, layer) => {
  const entry = last(entries)
  const parsed = parsePortRules(entry.value)
  if (!parsed) return layer.findings.add('refused', entry, 'cannot be read, by ocserv either')
  const key = parsed.inverted ? 'deny' : 'allow'
  const rules: string[] = []
  for (const { text, spellings } of parsed.rules) {
    const known = spellings.find((spelling) => policyProblem(key, [spelling]) === undefined)
    if (known !== undefined) rules.push(known)
    else layer.findings.add('refused', entry, `${text}: ${key} does not know the protocol${parsed.inverted ? ', so it is not kept out' : ', so it is kept out'}`)
  }
  // The one list replaces the other of the layer below; and a list without a rule would let everything pass.
  layer.table.set(parsed.inverted ? 'allow' : 'deny', [])
  if (rules.length > 0 || parsed.inverted) layer.set(entry, key, rules)
  else layer.set(entry, 'deny', ['0.0.0.0/0', '::/0'], '; none of the rules is known, so nothing passes')
  layer.set(entry, 'restrict-to-routes', true, '; restrict-user-to-ports implies it')
}

const domains: Translator = (entries, layer) => {
  const entry = last(entries)
  const [first = '', ...others] = wordsOf(entry.value)
  layer.set(entry, 'default-domain', first)
  if (others.length > 0) layer.set(entry, 'search', others)
}

const rekeyMethod: Translator = (entries, layer) => {
  const entry = last(entries)
  layer.set(entry, 'rekey-method', entry.value === 'new-tunnel' ? 'new-tunnel' : 'ssl')
}

/** Options that become keys of `[policy]`. */
const TRANSLATORS: Readonly<Record<string, Translator>> = {
  'rekey-time': seconds(['rekey-time']),
  'rekey-method': rekeyMethod,
  compression: flag('compression'),
  banner: single('banner', (text) => text),
  'max-same-clients': single('max-sessions', (text) => numberIn(text).value),
  'cookie-timeout': seconds(['disconnected-timeout']),
  'deny-roaming': flag('deny-roaming'),
  'idle-timeout': seconds(['inactivity-timeout', 'idle-timeout']),
  'session-timeout': seconds(['session-timeout'], YEAR),
  keepalive: seconds(['keepalive']),
  dpd: seconds(['dpd']),
  'mobile-dpd': seconds(['mobile-dpd']),
  'default-domain': domains,
  dns: list('dns', (text) => (text === 'local' ? 'ocserv itself no longer knows "local": name the resolver' : [text])),
  nbns: list('nbns', (text) => [text]),
  'split-dns': list('split-dns', (text) => [text]),
  'tunnel-all-dns': flag('tunnel-all-dns'),
  route: routes,
  'no-route': list('split-exclude', network),
  'restrict-user-to-routes': flag('restrict-to-routes'),
  'restrict-user-to-ports': ports,
  'client-bypass-protocol': flag('client-bypass-protocol'),
  mtu: single('mtu', (text) => numberIn(text).value),
  'rx-data-per-sec': single('rate-up', (text) => rateText(numberIn(text).value)),
  'tx-data-per-sec': single('rate-down', (text) => rateText(numberIn(text).value)),
  'no-udp': flag('dtls', (on) => !on),
  iroute: list('iroute', network),
  'explicit-ipv4': single('ipv4-address', (text) => text),
  'explicit-ipv6': single('ipv6-address', (text) => text.split('/')[0] ?? ''),
}

export const POLICY_OPTIONS: ReadonlySet<string> = new Set(Object.keys(TRANSLATORS))

/** Values of one layer. `entries` by option, in the order of the file; what is no policy is passed over. `where` opens each text. */
export function policyLayer(entries: ReadonlyMap<string, readonly Entry[]>, findings: Findings, where: string, fate: Fate = 'mapped'): Table {
  const layer = new Layer(findings, fate, where)
  for (const [option, own] of entries) {
    // Ports turn the restriction on, whatever the line beside them says.
    if (own.length === 0 || (option === 'restrict-user-to-routes' && entries.has('restrict-user-to-ports'))) continue
    TRANSLATORS[option]?.(own, layer)
  }
  return layer.table
}
