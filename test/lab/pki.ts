import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from './command.ts'

export interface Issued {
  readonly certificate: string
  readonly key: string
}
export interface IssueOptions {
  /** `/O=Example/CN=alice`; default `/CN=NAME`. */
  readonly subject?: string
  /** `ec`, `ec:secp224r1`, `rsa:2048`. */
  readonly key?: string
  readonly digest?: string
  /** Lines of an extension section; default those of a client. */
  readonly extensions?: readonly string[]
  /** `20200101000000Z`. */
  readonly from?: string
  readonly to?: string
  /** Another authority of this kind than the root. */
  readonly by?: string
}

const CLIENT = ['basicConstraints = critical,CA:FALSE', 'keyUsage = critical,digitalSignature', 'extendedKeyUsage = clientAuth']
const AUTHORITY = ['basicConstraints = critical,CA:TRUE', 'keyUsage = critical,keyCertSign,cRLSign', 'subjectKeyIdentifier = hash']

/** An authority by `openssl ca`, with its database, in a folder of its own. */
export class Pki {
  private constructor(readonly folder: string) {}

  static async make(folder: string, name = 'Client CA', key = 'ec'): Promise<Pki> {
    mkdirSync(folder, { recursive: true })
    const pki = new Pki(folder)
    copyFileSync(await pki.key(key), pki.path('root.key'))
    writeFileSync(join(folder, 'root.ext'), AUTHORITY.join('\n'))
    await must(['openssl', 'req', '-new', '-key', pki.path('root.key'), '-subj', `/CN=${name}`, '-out', pki.path('root.csr')])
    await must(['openssl', 'x509', '-req', '-in', pki.path('root.csr'), '-signkey', pki.path('root.key'), '-days', '3650', '-extfile', pki.path('root.ext'), '-out', pki.path('root.crt')])
    pki.database('root')
    return pki
  }

  path(file: string): string {
    return join(this.folder, file)
  }
  get ca(): string {
    return this.path('root.crt')
  }

  async issue(name: string, options: IssueOptions = {}): Promise<Issued> {
    const { subject = `/CN=${name}`, key = 'ec', digest = 'sha256', extensions = CLIENT, from, to, by = 'root' } = options
    const keyFile = await this.key(key)
    await must(['openssl', 'req', '-new', '-utf8', '-key', keyFile, '-subj', subject, '-out', this.path(`${name}.csr`)])
    writeFileSync(this.path(`${name}.ext`), extensions.join('\n'))
    await must([
      'openssl', 'ca', '-batch', '-notext', '-config', this.path(`${by}.cnf`), '-md', digest, '-in', this.path(`${name}.csr`), '-extfile', this.path(`${name}.ext`), '-out', this.path(`${name}.crt`),
      ...(from === undefined ? [] : ['-startdate', from]), ...(to === undefined ? ['-days', '365'] : ['-enddate', to]),
    ])
    return { certificate: this.path(`${name}.crt`), key: keyFile }
  }
  /** An authority below the root, to be named in `by`. */
  async authority(name: string, options: Pick<IssueOptions, 'by' | 'extensions'> = {}): Promise<Issued> {
    copyFileSync(await this.key('ec'), this.path(`${name}.key`))
    const made = await this.issue(name, { subject: `/CN=${name} CA`, extensions: AUTHORITY, ...options, key: name })
    this.database(name)
    return made
  }
  async revoke(name: string, by = 'root'): Promise<void> {
    await must(['openssl', 'ca', '-config', this.path(`${by}.cnf`), '-revoke', this.path(`${name}.crt`), '-crl_reason', 'keyCompromise'])
  }
  /** Writes the list of those revoked so far; returns its file. */
  async list(options: { readonly by?: string; readonly seconds?: number } = {}): Promise<string> {
    const { by = 'root', seconds = 86_400 } = options
    const file = this.path(`${by}.crl`)
    await must(['openssl', 'ca', '-config', this.path(`${by}.cnf`), '-gencrl', '-crlsec', String(seconds), '-out', file])
    return file
  }

  /** Keys are made once of each kind: what is tested is certificates. A file of that name is taken as it is. */
  private async key(kind: string): Promise<string> {
    const file = this.path(`${kind}.key`)
    const [type, detail] = kind.split(':')
    const algorithm = type === 'rsa' ? ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${detail}`] : ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${detail ?? 'prime256v1'}`]
    if (!existsSync(file)) await must(['openssl', 'genpkey', ...algorithm, '-out', file])
    return file
  }
  private database(name: string): void {
    const folder = this.path(`${name}.db`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'index.txt'), '')
    writeFileSync(join(folder, 'index.txt.attr'), 'unique_subject = no\n')
    writeFileSync(join(folder, 'serial'), '1000\n')
    writeFileSync(join(folder, 'crlnumber'), '01\n')
    writeFileSync(this.path(`${name}.cnf`), [
      '[ca]', 'default_ca = one', '[one]', `database = ${folder}/index.txt`, `serial = ${folder}/serial`, `crlnumber = ${folder}/crlnumber`, `new_certs_dir = ${folder}`,
      `certificate = ${this.path(`${name}.crt`)}`, `private_key = ${this.path(`${name}.key`)}`, 'default_md = sha256', 'default_days = 365', 'default_crl_days = 1', 'policy = any', 'unique_subject = no', 'preserve = yes',
      '[any]', 'commonName = optional', 'organizationName = optional', 'organizationalUnitName = optional', 'userId = optional', 'emailAddress = optional', 'countryName = optional', '',
    ].join('\n'))
  }
}
