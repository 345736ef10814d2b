import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Clock } from '../clock.ts'
import type { CommandInput, CommandResult } from '../commands.ts'
import { publicName } from '../config/network.ts'
import { defaultName } from '../config/schema.ts'
import { GatewayError } from '../errors.ts'
import { certificateFacts } from '../tls/certificate.ts'
import { loadTlsContexts } from '../tls/contexts.ts'
import { writePrivately } from '../tls/pem-file.ts'
import { hostAddresses, makeSelfSigned } from '../tls/self-signed.ts'
import type { CoreCommand, CoreServices } from './core-commands.ts'

/** Needs neither gateway nor configuration: a first certificate can be made before either exists. */
async function selfSigned(clock: Pick<Clock, 'now'>, { options }: CommandInput): Promise<CommandResult> {
  const name = publicName().safeParse(options['name'] ?? defaultName())
  if (!name.success) throw new GatewayError('USAGE', `--name: ${name.error.issues[0]?.message ?? 'is not a name'}`)
  const folder = resolve(typeof options['out'] === 'string' ? options['out'] : '.')
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  const taken = [certificate, key].find((file) => existsSync(file))
  if (taken !== undefined && options['force'] !== true) throw new GatewayError('REFUSED', `${taken} exists already; --force replaces it`)
  const made = await makeSelfSigned({ name: name.data, now: clock.now(), alsoFor: hostAddresses() })
  writePrivately(key, made.keyPem)
  writePrivately(certificate, made.certificatePem)
  const { pin, notAfter } = certificateFacts(new X509Certificate(made.certificatePem), certificate)
  return { data: { certificate, key, pin, notAfter }, text: `certificate = ${JSON.stringify(certificate)}\nkey = ${JSON.stringify(key)}\nclients trust it with --servercert ${pin}` }
}

async function show({ config, dataDirectory, clock }: Pick<CoreServices, 'config' | 'dataDirectory' | 'clock'>): Promise<CommandResult> {
  const { certificates, findings } = await loadTlsContexts(config, dataDirectory, { now: clock.now() })
  return { data: certificates.map((one) => ({ ...one, host: one.host ?? null })), text: findings.map((finding) => `${finding.severity}: ${finding.text}`).join('\n') }
}

export const certCommands: readonly CoreCommand[] = [
  {
    definition: {
      path: 'cert show', summary: 'Show the certificates of the gateway and the pin that clients may check', where: 'either',
      columns: [
        { key: 'subject', title: 'Subject' }, { key: 'names', title: 'Names', format: 'list' }, { key: 'keyType', title: 'Key' },
        { key: 'notAfter', title: 'Valid until', format: 'time' }, { key: 'pin', title: 'Pin' }, { key: 'file', title: 'File' }, { key: 'host', title: 'Host' },
      ],
    },
    handler: (services) => () => show(services),
  },
  {
    definition: {
      path: 'cert self-signed', summary: 'Make a self-signed certificate and its key', where: 'local',
      options: [
        { name: 'name', description: 'public name or address of the gateway; the host name when absent', type: 'text', placeholder: 'NAME' },
        { name: 'out', description: 'folder for certificate.pem and key.pem; here when absent', type: 'text', placeholder: 'DIR' },
        { name: 'force', description: 'replace what is there', type: 'flag' },
      ],
    },
    handler: ({ clock }) => (input) => selfSigned(clock, input),
  },
]
