import { join } from 'node:path'
import {
  AUDIT, CLOCK, CONFIG, GatewayError, HEALTH, SESSIONS, STORE, X509_LIBRARY,
  type Audit, type Clock, type GatewayConfig, type Health, type Plugin, type Sessions, type Store, type X509,
} from '../../core/api.ts'
import { boundedFetch } from './bounded-fetch.ts'
import { CertCommands } from './cert-commands.ts'
import { CERT_COMMANDS } from './cert-definitions.ts'
import { CertificateBackend } from './certificate-backend.ts'
import type { Believed } from './certificate-judge.ts'
import { AuthCertificateConfig } from './config.ts'
import { IssuedTable } from './issued-table.ts'
import { ListFetcher } from './list-fetcher.ts'
import { MIGRATIONS } from './migrations.ts'
import { MultipleCertificateBackend } from './multiple-certificate-backend.ts'
import { OcspStatus } from './ocsp-status.ts'
import { OwnAuthority } from './own-authority.ts'
import { PinTable } from './pin-table.ts'
import { Trust } from './trust.ts'
import { TrustFiles } from './trust-files.ts'

const DAY_MS = 86_400_000

export default {
  name: 'auth-certificate',
  loginStep: 'silent',
  furtherSteps: ['multiple-certificate'],
  summary: 'Login with certificates of clients, and a small authority that issues them',
  config: AuthCertificateConfig,
  runs: 'always',
  requires: [AUDIT, CLOCK, CONFIG, HEALTH, STORE],
  commands: CERT_COMMANDS,
  async start(context) {
    const { container, log, slots } = context
    const store = container.resolve<Store>(STORE)
    store.migrate('auth-certificate', MIGRATIONS)
    const clock = container.resolve<Clock>(CLOCK)
    const health = container.resolve<Health>(HEALTH)
    const core = container.resolve<GatewayConfig>(CONFIG)
    const library = container.isRegistered(X509_LIBRARY, true) ? container.resolve<X509>(X509_LIBRARY) : undefined
    const directory = join(context.gatewayDirectory, 'auth-certificate')
    const issued = new IssuedTable(store)
    const pins = new PinTable(store)
    const authority = new OwnAuthority(directory, core.gateway.name, issued, clock)
    let changed = (): void => undefined
    const commands = new CertCommands({
      directory, authority, issued, pins, clock,
      audit: container.resolve<Audit>(AUDIT),
      sessions: container.isRegistered(SESSIONS, true) ? container.resolve<Sessions>(SESSIONS) : undefined,
      changed: () => changed(),
      pkcs12: (parts) => {
        if (!library) throw new GatewayError('DATA_PLANE', 'the addon is needed for this')
        return library.pkcs12({ ...parts, modern: core.gateway.fips })
      },
    })
    for (const [path, handler] of Object.entries(commands.handlers)) context.command(path, handler)
    if (context.mode === 'command' || !library) return

    let { config } = context
    const trust = new Trust(library)
    const secondTrust = new Trust(library)
    const fetcher = new ListFetcher({
      directory, clock, health,
      urls: () => config['crl-url'],
      readable: (list) => trust.readable(list),
      fetch: boundedFetch,
      changed: () => changed(),
    })
    const files = new TrustFiles({ trust, second: secondTrust, others: [authority, fetcher], clock, log, health }, config)
    changed = () => files.refresh()
    // A command may have revoked something while the gateway did not run.
    await authority.writeList()
    files.start()
    fetcher.start()
    context.onStop(() => files.stop())
    context.onStop(() => fetcher.stop())
    const daily = (): { cancel(): void } => clock.after(DAY_MS, () => {
      void authority.writeList().then(changed, (error: unknown) => log.error('the revocation list of the gateway\'s own authority cannot be renewed', { error }))
      timer = daily()
    })
    let timer = daily()
    context.onStop(() => timer.cancel())
    context.onConfig((next) => {
      files.take(next)
      config = next
      fetcher.start()
    })
    context.add(slots.configuration, { configChanged: () => files.refresh() })
    context.set(slots.clientCertificates, trust)
    const believed = (one: Trust): Believed => ({
      trust: one,
      status: new OcspStatus({
        trust: one, clock, log,
        config: () => config,
        fetch: boundedFetch,
        exempt: ([, issuer]) => issuer !== undefined && authority.certificate()?.equals(issuer) === true,
      }),
    })
    const judging = { pins, clock, log, config: () => config, groups: core, sources: () => slots.policySource.list() }
    const [first, second] = [believed(trust), believed(secondTrust)]
    context.add(slots.authBackend, new CertificateBackend({ ...judging, ...first }))
    context.add(slots.authBackend, new MultipleCertificateBackend({ ...judging, first, second: () => (config['second-ca'].length > 0 ? second : first) }))
  },
} satisfies Plugin<AuthCertificateConfig>
