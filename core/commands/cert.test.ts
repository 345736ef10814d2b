import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../clock.ts'
import type { CommandInput, CommandResult } from '../commands.ts'
import { checkConfig } from '../config/load.ts'
import { GatewayError } from '../errors.ts'
import type { CertificateFacts } from '../tls/certificate.ts'
import { certCommands } from './cert.ts'
import type { CoreCommand, CoreServices } from './core-commands.ts'

const folder = mkdtempSync(join(tmpdir(), 'postern-cert-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

const services = (toml: string): CoreServices =>
  ({ clock: systemClock, config: checkConfig(Buffer.from(toml), join(folder, 'postern.toml'), []).core, dataDirectory: join(folder, 'data') }) as CoreServices
async function run(path: string, options: CommandInput['options'], on: CoreServices = services('')): Promise<CommandResult> {
  const command = certCommands.find(({ definition }) => definition.path === path) as CoreCommand
  return command.handler(on)({ args: {}, options, actor: 'cli' })
}
async function refusal(promise: Promise<unknown>): Promise<GatewayError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  return assert.unreachable('was not refused') as never
}

test('a self-signed certificate and its key, private from the first byte', async () => {
  const out = join(folder, 'new')
  const { data } = await run('cert self-signed', { name: 'vpn.example.com', out })
  const made = data as { certificate: string; key: string; pin: string; notAfter: string }
  assert.equal(made.certificate, join(out, 'certificate.pem'))
  for (const file of [made.certificate, made.key]) assert.is(statSync(file).mode & 0o777, 0o600)
  assert.equal(readdirSync(out).sort(), ['certificate.pem', 'key.pem'])
  assert.match(made.pin, /^pin-sha256:[A-Za-z0-9+/]{43}=$/)
  assert.is(execFileSync('openssl', ['verify', '-CAfile', made.certificate, '-verify_hostname', 'vpn.example.com', made.certificate]).toString().trim(), `${made.certificate}: OK`)
  const shown = await run('cert show', {}, services(`[gateway]\nname = "vpn.example.com"\ncertificate = "new/certificate.pem"\nkey = "new/key.pem"\n`))
  const [facts] = shown.data as CertificateFacts[]
  assert.is(facts?.pin, made.pin)
  assert.is(facts?.notAfter, made.notAfter)
  assert.is(shown.text, '')
  assert.not.match(JSON.stringify(shown), /PRIVATE/)
})

test('nothing is overwritten unless it is asked for', async () => {
  const out = mkdtempSync(join(folder, 'kept-'))
  writeFileSync(join(out, 'key.pem'), 'precious')
  const error = await refusal(run('cert self-signed', { out }))
  assert.is(error.message, `${join(out, 'key.pem')} exists already; --force replaces it`)
  assert.equal(readdirSync(out), ['key.pem'])
  await run('cert self-signed', { out, force: true, name: '192.0.2.1' })
  assert.match(readFileSync(join(out, 'key.pem'), 'utf8'), /^-----BEGIN PRIVATE KEY-----/)
  assert.is(statSync(join(out, 'key.pem')).mode & 0o777, 0o600)
})

test('a name that cannot stand in a certificate and a folder that cannot be written are refused', async () => {
  for (const name of ['', 'two words', 'a/b', '#0500', 'x'.repeat(300), 'a\nb']) assert.is((await refusal(run('cert self-signed', { name, out: folder }))).code, 'USAGE', name)
  const plainFile = join(folder, 'a-file')
  writeFileSync(plainFile, '')
  assert.match((await refusal(run('cert self-signed', { out: join(plainFile, 'nowhere') }))).message, /cannot be written: /)
})

test('cert show makes the gateway its own certificate when none is configured', async () => {
  const { data } = await run('cert show', {}, services('[gateway]\nname = "own.example"\n'))
  const [facts] = data as CertificateFacts[]
  assert.is(facts?.file, join(folder, 'data', 'tls', 'self-signed.pem'))
  assert.ok(facts?.selfSigned)
})

test.run()
