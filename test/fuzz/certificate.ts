import { readFileSync } from 'node:fs'
import type { AuthContext, GatewayConfig } from '../../core/api.ts'
import { createX509 } from '../../native/index.ts'
import { CertificateBackend } from '../../plugins/auth-certificate/certificate-backend.ts'
import { AuthCertificateConfig } from '../../plugins/auth-certificate/config.ts'
import { nextUpdateOf } from '../../plugins/auth-certificate/list-times.ts'
import { MultipleCertificateBackend } from '../../plugins/auth-certificate/multiple-certificate-backend.ts'
import { listsIn } from '../../plugins/auth-certificate/pem-blocks.ts'
import { Trust } from '../../plugins/auth-certificate/trust.ts'

const corpus = (name: string): Buffer => readFileSync(new URL(`corpus/certificate/${name}`, import.meta.url))
const trust = new Trust(createX509())
trust.use({ authorities: `-----BEGIN CERTIFICATE-----\n${corpus('authority').toString('base64')}\n-----END CERTIFICATE-----\n`, lists: [] })
const config = AuthCertificateConfig.parse({ 'user-from': 'san:email', 'group-from': 'subject:OU' })
const status = { problem: () => Promise.resolve(undefined) }
const parts = {
  pins: { userOf: () => undefined, fingerprints: () => [] },
  config: () => config,
  groups: { groups: new Map([['staff', { name: 'staff', label: 'Staff' }]]) } as unknown as GatewayConfig,
  sources: () => [],
  // The corpus was made for thirty years.
  clock: { now: () => Date.UTC(2027, 0, 1), monotonic: () => 0, after: () => ({ cancel: () => undefined }) },
  log: { debug: () => undefined },
}
const backend = new CertificateBackend({ ...parts, trust, status })
const pair = new MultipleCertificateBackend({ ...parts, first: { trust, status }, second: () => ({ trust, status }) })
const good = corpus('good')
const SIGNED = new Set(['alice@corp.example', 'zoe@corp.example'])

/** A client's certificate, a second one in a bag, a list and their parts: each is judged, none throws, and nobody is let in with what the authority has not signed. */
export async function run(bytes: Uint8Array): Promise<void> {
  const context = { certificates: [bytes], certificateMissing: false } as unknown as AuthContext
  const step = await backend.begin(context)
  if (step.kind === 'identity' && !SIGNED.has(step.identity.user)) throw new Error('a certificate that nobody has signed was taken')
  await backend.begin({ ...context, certificates: [good, bytes] })
  const asked = await pair.begin({ ...context, certificates: [good], capabilities: ['multiple-cert'] })
  if (asked.kind !== 'second-certificate') throw new Error('the good certificate was refused')
  const second = await asked.answer({ certificates: bytes, hash: 'sha256', signature: bytes.subarray(-72), signed: bytes.subarray(0, 64) })
  if (second.kind === 'identity') throw new Error('a second certificate was taken that nobody has signed with')
  nextUpdateOf(bytes)
  for (const list of listsIn(bytes)) trust.readable(list)
}
