import { constants, accessSync, existsSync, readFileSync } from 'node:fs'
import { loadConfig, DEFAULT_CONFIG_FILE } from './config/load.ts'
import type { TlsContextSpec } from './dataplane.ts'
import { GatewayError } from './errors.ts'
import { locate } from './locations.ts'
import type { CheckFinding, LocationOptions, Plugin } from './plugin.ts'
import { loadTlsContexts } from './tls/contexts.ts'
import { fipsFindings } from './tls/fips.ts'
import { chainsFor } from './tls/leaf-sha1.ts'

export interface CheckReport {
  readonly ok: boolean
  readonly findings: readonly CheckFinding[]
}
const CAP_NET_ADMIN = 12n

/** `postern check`: configuration, certificates, plugins, machine. Reads only; a running gateway does not notice. */
export async function check(options: LocationOptions, plugins: readonly Plugin[]): Promise<CheckReport> {
  const { config: file, dataDirectory } = locate(options)
  const findings: CheckFinding[] = []
  try {
    const loaded = loadConfig(file, plugins)
    findings.push(...loaded.warnings, ...fipsFindings(loaded.core))
    let contexts: readonly TlsContextSpec[] = []
    await collect(findings, async () => {
      const tls = await loadTlsContexts(loaded.core, dataDirectory, { keep: false })
      contexts = tls.contexts
      return tls.findings
    })
    for (const plugin of plugins) {
      const section = loaded.plugin(plugin.name)
      if (section.state !== 'on' || !plugin.check) continue
      const ask = plugin.check.bind(plugin)
      await collect(findings, async () => ask(section.value, { configFile: file ?? DEFAULT_CONFIG_FILE, dataDirectory, core: loaded.core, chains: (serverName) => chainsFor(contexts, serverName) }), `${plugin.name}: `)
    }
  } catch (error) {
    findings.push(...refusal(error))
  }
  findings.push(...machine())
  return { ok: findings.every(({ severity }) => severity !== 'error'), findings }
}

async function collect(findings: CheckFinding[], ask: () => Promise<readonly CheckFinding[]>, prefix = ''): Promise<void> {
  try {
    findings.push(...(await ask()).map(({ severity, text }) => ({ severity, text: prefix + text })))
  } catch (error) {
    findings.push(...refusal(error, prefix))
  }
}

/** One for each problem of the configuration. */
function refusal(error: unknown, prefix = ''): readonly CheckFinding[] {
  if (!(error instanceof GatewayError)) throw error
  const texts = error.code === 'CONFIG' ? error.message.split('\n') : [error.message]
  return texts.map((text) => ({ severity: 'error', text: prefix + text }))
}

function machine(): CheckFinding[] {
  const findings: CheckFinding[] = []
  if (!existsSync('/dev/net/tun')) findings.push({ severity: 'error', text: '/dev/net/tun is missing: load the module tun, or bind the device into the container' })
  else {
    try {
      accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    } catch {
      findings.push({ severity: 'error', text: '/dev/net/tun cannot be opened by this user' })
    }
  }
  if (!mayAdministerNetwork()) findings.push({ severity: 'error', text: 'this user is neither root nor has CAP_NET_ADMIN: no TUN device can be made' })
  for (const [file, family] of [['/proc/sys/net/ipv4/ip_forward', 'IPv4'], ['/proc/sys/net/ipv6/conf/all/forwarding', 'IPv6']] as const) {
    if (existsSync(file) && readFileSync(file, 'utf8').trim() === '0') findings.push({ severity: 'warning', text: `${family} forwarding is off (${file}): clients reach the gateway only` })
  }
  return findings
}

function mayAdministerNetwork(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return effective !== undefined && (BigInt(`0x${effective}`) & (1n << CAP_NET_ADMIN)) !== 0n
}
