import { resolve } from 'node:path'
import { formatAddress, parseAddress } from '../../core/api.ts'
import type { Entry } from './conf-text.ts'
import type { Findings } from './finding.ts'
import { lastOf, type Values } from './part.ts'
import type { Table } from './setting.ts'
import { explainPriorities } from './tls-priorities.ts'
import { durationText, isOn, numberIn } from './values.ts'

/** `[gateway]`. `base`: the working directory of ocserv. */
export function gatewayTable(values: Values, base: string, findings: Findings): Table {
  const table: Table = new Map()
  const set = (entry: Entry, key: string, value: string | number | readonly string[], note = ''): void => {
    table.set(key, value)
    findings.add('mapped', entry, `gateway.${key} = ${JSON.stringify(value)}${note}`)
  }
  listen(values, findings, set)
  const pairs = certificates(values, base, findings)
  if (!pairs) findings.add(values.has('server-cert') ? 'refused' : 'explained', { name: 'server-cert', file: lastOf(values, 'tcp-port')?.file ?? 'ocserv.conf' }, 'no certificate is taken: the gateway makes its own, which clients do not know')
  setCertificates(table, pairs)
  const device = lastOf(values, 'device')
  if (device && /^[A-Za-z][A-Za-z0-9_.-]{0,11}$/.test(device.value)) set(device, 'device', `${device.value}%d`)
  else if (device) findings.add('refused', device, 'is not a name for a device: "postern%d" is taken')
  const clients = lastOf(values, 'max-clients')
  if (clients) set(clients, 'max-sessions', Math.min(numberIn(clients.value).value, 1_000_000))
  const proxy = lastOf(values, 'listen-proxy-proto')
  if (proxy) findings.add(isOn(proxy.value) ? 'refused' : 'mapped', proxy, isOn(proxy.value) ? 'name the proxies themselves: proxy-protocol-from = ["10.0.0.5/32"] in [gateway]; ocserv believed everybody' : 'off, as gateway.proxy-protocol-from is')
  for (const entry of values.get('tls-priorities') ?? []) for (const { severity, text } of explainPriorities(entry.value)) findings.add(severity, entry, text)
  return table
}

function listen(values: Values, findings: Findings, set: (entry: Entry, key: string, value: readonly string[], note?: string) => void): void {
  const tcp = lastOf(values, 'tcp-port')
  const port = tcp ? numberIn(tcp.value).value : 443
  if (!tcp || port < 1 || port > 65_535) {
    findings.add('refused', tcp ?? { name: 'tcp-port', file: 'ocserv.conf' }, tcp ? 'is not a port: 443 is taken' : 'is missing; ocserv does not start without it: 443 is taken')
  }
  const good = port < 1 || port > 65_535 ? 443 : port
  const hosts = (values.get('listen-host') ?? []).filter(({ value }) => value !== '')
  const addresses = hosts.flatMap((entry) => {
    const address = parseAddress(entry.value)
    if (!address) findings.add('refused', entry, 'is a name: write its addresses into gateway.listen')
    return address ? [formatAddress(address)] : []
  })
  const all = addresses.length > 0 ? addresses : ['0.0.0.0', '::']
  const value = all.map((address) => (address.includes(':') ? `[${address}]:${good}` : `${address}:${good}`))
  const at = hosts[0] ?? tcp
  if (at) set(at, 'listen', value)
}

/** Certificates and their keys in pairs; undefined: none that can be taken, and the gateway makes one of its own. */
export function certificates(values: Values, base: string, findings: Findings): { readonly certificate: readonly string[]; readonly key: readonly string[] } | undefined {
  const [certs, keys] = [values.get('server-cert') ?? [], values.get('server-key') ?? []]
  const pairs = certs.flatMap((certificate, at) => {
    const key = keys[at]
    if (!key) findings.add('refused', certificate, 'has no server-key behind it')
    return key ? [{ certificate, key }] : []
  })
  for (const key of keys.slice(certs.length)) findings.add('refused', key, 'has no server-cert before it')
  const good = pairs.filter(({ certificate, key }) => {
    const problem = keyProblem(certificate.value) ?? keyProblem(key.value)
    if (problem !== undefined) for (const entry of [certificate, key]) findings.add('refused', entry, problem)
    return problem === undefined
  })
  for (const { certificate } of good.slice(2)) findings.add('refused', certificate, 'two certificates are taken, for RSA and ECDSA')
  const taken = good.slice(0, 2).map(({ certificate, key }) => {
    findings.add('mapped', certificate, `certificate = ${JSON.stringify(resolve(base, certificate.value))}`)
    findings.add('mapped', key, `key = ${JSON.stringify(resolve(base, key.value))}`)
    return { certificate: resolve(base, certificate.value), key: resolve(base, key.value) }
  })
  return taken.length === 0 ? undefined : { certificate: taken.map(({ certificate }) => certificate), key: taken.map(({ key }) => key) }
}

type Pairs = ReturnType<typeof certificates>
/** One file as text, two as a list. */
export function setCertificates(table: Table, pairs: Pairs): void {
  for (const key of ['certificate', 'key'] as const) if (pairs) table.set(key, pairs[key].length === 1 ? (pairs[key][0] ?? '') : pairs[key])
}

function keyProblem(value: string): string | undefined {
  if (/^(?:pkcs11|tpmkey|system):/i.test(value)) return 'keys are PEM files; there is no PKCS#11 and no TPM'
  if (/(?:^|\/)tests\/certs\//.test(value)) return 'is a key of ocserv\'s tests, which everybody has: make one of your own'
  return undefined
}

/** `[dtls]` and `[anyconnect]`. */
export function channelTables(values: Values, findings: Findings): { readonly dtls: Table; readonly anyconnect: Table } {
  const dtls: Table = new Map()
  const [udp, tcp] = [lastOf(values, 'udp-port'), lastOf(values, 'tcp-port')]
  const on = udp !== undefined && numberIn(udp.value).value !== 0
  if (udp) findings.add('mapped', udp, on ? 'dtls.enabled = true; UDP has the number of the TCP port' : 'dtls.enabled = false')
  if (udp && on && udp.value !== tcp?.value) findings.add('refused', udp, `UDP is on port ${tcp?.value ?? '443'} beside TCP: open that one in your firewall`)
  else if (!udp) findings.add('default-written', { name: 'udp-port', file: tcp?.file ?? 'ocserv.conf' }, 'dtls.enabled = false; ocserv has no UDP without it')
  if (!on) dtls.set('enabled', false)
  for (const [option, key] of [['dtls-psk', 'psk'], ['dtls-legacy', 'legacy']] as const) {
    const entry = lastOf(values, option)
    if (!entry) continue
    if (on) dtls.set(key, isOn(entry.value))
    findings.add('mapped', entry, `dtls.${key} = ${isOn(entry.value)}`)
  }
  const anyconnect: Table = new Map()
  const login = lastOf(values, 'auth-timeout')
  if (login) {
    const value = durationText(Math.max(10, numberIn(login.value).value), 3600)
    anyconnect.set('max-login-time', value)
    findings.add('mapped', login, `anyconnect.max-login-time = "${value}"`)
  }
  return { dtls, anyconnect }
}

const USER_FROM: Readonly<Record<string, string>> = { '2.5.4.3': 'subject:CN', '0.9.2342.19200300.100.1.1': 'subject:UID', 'SAN(rfc822name)': 'san:email' }

/** `[auth-certificate]`. `asked`: somebody logs in by certificate. */
export function certificateTable(values: Values, base: string, asked: boolean, findings: Findings): Table | undefined {
  const table: Table = new Map()
  const take = (option: string, key: string, value: (text: string) => string | undefined): void => {
    const entry = lastOf(values, option)
    const written = entry && value(entry.value)
    if (entry && !asked) findings.add('explained', entry, 'no login that is taken over asks for certificates')
    else if (entry && written === undefined) findings.add('refused', entry, 'is not CN, UID or SAN(rfc822name)')
    else if (entry && written !== undefined) {
      table.set(key, written)
      findings.add('mapped', entry, `auth-certificate.${key} = ${JSON.stringify(written)}`)
    }
  }
  take('ca-cert', 'ca', (text) => resolve(base, text))
  take('crl', 'crl', (text) => resolve(base, text))
  take('cert-user-oid', 'user-from', (text) => USER_FROM[text])
  return asked ? table : undefined
}
