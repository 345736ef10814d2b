import { generateKeyPairSync, randomBytes, webcrypto, X509Certificate as Reader } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writePrivately, type Clock } from '../../core/api.ts'
import { x509, type X509Certificate } from './x509-library.ts'
import type { IssuedTable } from './issued-table.ts'
import type { OtherTrust } from './trust-files.ts'
import type { TrustParts } from './trust.ts'

const DAY_MS = 86_400_000
const AUTHORITY_DAYS = 3650
/** Of a revocation list; a new one is written each day that the gateway runs. */
const LIST_DAYS = 90
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** RFC 5280 section 4.1.2.2: at most 20 octets, positive. */
const newSerial = (): string => `40${randomBytes(15).toString('hex')}`

export interface IssuedCertificate {
  readonly serial: string
  readonly expiresAt: number
  /** DER. */
  readonly certificate: Uint8Array
  readonly authority: Uint8Array
  /** PKCS #8. */
  readonly key: Uint8Array
}
type Keys = { readonly privateKey: webcrypto.CryptoKey; readonly publicKey: webcrypto.CryptoKey }

/** The gateway's own small authority: `ca.pem`, `ca.key` and `ca.crl` in the plugin's directory. Made when the first certificate is issued. */
export class OwnAuthority implements OtherTrust {
  constructor(
    private readonly directory: string,
    private readonly name: string,
    private readonly table: Pick<IssuedTable, 'list' | 'add'>,
    private readonly clock: Clock,
  ) {}

  get exists(): boolean {
    return existsSync(this.certificateFile) && existsSync(this.keyFile)
  }
  /** DER; undefined: there is none. */
  certificate(): Buffer | undefined {
    return this.exists ? new Reader(readFileSync(this.certificateFile)).raw : undefined
  }
  parts(): TrustParts {
    if (!this.exists) return { authorities: '', lists: [] }
    return { authorities: readFileSync(this.certificateFile, 'latin1'), lists: existsSync(this.listFile) ? [Buffer.from(readFileSync(this.listFile, 'latin1').replace(/-----[^-]+-----/g, ''), 'base64')] : [] }
  }

  async issue(user: string, days: number): Promise<IssuedCertificate> {
    const { authority, keys: authorityKeys } = await this.open()
    const now = this.clock.now()
    // Not beyond the authority's own.
    const expiresAt = Math.min(now + days * DAY_MS, authority.notAfter.getTime())
    const keys = await makeKeys()
    const serial = newSerial()
    const certificate = await x509().X509CertificateGenerator.create({
      serialNumber: serial,
      subject: [{ CN: [user] }],
      issuer: authority.subject,
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(expiresAt),
      publicKey: keys.publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new (x509().BasicConstraintsExtension)(false, undefined, true),
        new (x509().KeyUsagesExtension)(x509().KeyUsageFlags.digitalSignature, true),
        new (x509().ExtendedKeyUsageExtension)([x509().ExtendedKeyUsage.clientAuth]),
        ...(user.includes('@') ? [new (x509().SubjectAlternativeNameExtension)([{ type: 'email', value: user }])] : []),
        await x509().SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509().AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
      ],
    })
    this.table.add({ serial, user, issuedAt: now, expiresAt, revokedAt: null })
    const key = new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
    return { serial, expiresAt, certificate: new Uint8Array(certificate.rawData), authority: new Uint8Array(authority.rawData), key }
  }

  /** The list as the table has it; nothing without an authority. */
  async writeList(): Promise<void> {
    if (!this.exists) return
    const { authority, keys } = await this.open()
    const now = this.clock.now()
    const list = await x509().X509CrlGenerator.create({
      issuer: authority.subject,
      thisUpdate: new Date(now - DAY_MS),
      nextUpdate: new Date(now + LIST_DAYS * DAY_MS),
      entries: this.table.list().flatMap(({ serial, revokedAt, expiresAt }) =>
        revokedAt === null || expiresAt < now ? [] : [{ serialNumber: serial, revocationDate: new Date(revokedAt), reason: x509().X509CrlReason.unspecified }]),
      signingAlgorithm: ALGORITHM,
      signingKey: keys.privateKey,
      extensions: [await x509().AuthorityKeyIdentifierExtension.create(keys.publicKey)],
    })
    // The label that OpenSSL and others know is not the library's own.
    const base64 = Buffer.from(list.rawData).toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
    writePrivately(this.listFile, `-----BEGIN X509 CRL-----\n${base64}\n-----END X509 CRL-----\n`)
  }

  private async open(): Promise<{ readonly authority: X509Certificate; readonly keys: Keys }> {
    if (!this.exists) await this.make()
    const authority = new (x509().X509Certificate)(readFileSync(this.certificateFile, 'latin1'))
    const der = Buffer.from(readFileSync(this.keyFile, 'latin1').replace(/-----[^-]+-----/g, ''), 'base64')
    const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
    return { authority, keys: { privateKey, publicKey: (await authority.publicKey.export(ALGORITHM, ['verify'], webcrypto as never)) as webcrypto.CryptoKey } }
  }

  private async make(): Promise<void> {
    const now = this.clock.now()
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keys = await makeKeys(pair.privateKey.export({ type: 'pkcs8', format: 'der' }), pair.publicKey.export({ type: 'spki', format: 'der' }))
    const authority = await x509().X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      // As a value, never as text to be parsed; X.520 allows 64 characters.
      name: [{ CN: [`Client CA of ${this.name}`.slice(0, 64)] }],
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + AUTHORITY_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new (x509().BasicConstraintsExtension)(true, 0, true),
        new (x509().KeyUsagesExtension)(x509().KeyUsageFlags.keyCertSign | x509().KeyUsageFlags.cRLSign, true),
        await x509().SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    writePrivately(this.keyFile, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
    writePrivately(this.certificateFile, `${authority.toString('pem')}\n`)
    await this.writeList()
  }

  private get certificateFile(): string {
    return join(this.directory, 'ca.pem')
  }
  private get keyFile(): string {
    return join(this.directory, 'ca.key')
  }
  private get listFile(): string {
    return join(this.directory, 'ca.crl')
  }
}

async function makeKeys(privateDer?: Buffer, publicDer?: Buffer): Promise<Keys> {
  const { subtle } = webcrypto
  if (!privateDer || !publicDer) return subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  return { privateKey: await subtle.importKey('pkcs8', privateDer, ALGORITHM, true, ['sign']), publicKey: await subtle.importKey('spki', publicDer, ALGORITHM, true, ['verify']) }
}
