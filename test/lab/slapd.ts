import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must, Service } from './command.ts'
import type { Host, Lab } from './lab.ts'
import type { Issued, Pki } from './pki.ts'

export const LDAP_BASE = 'dc=example,dc=com'

export interface SlapdOptions {
  /** Entries below the base, as LDIF; the base itself is there. */
  readonly ldif: string
  readonly pki: Pki
  readonly certificate: Issued
  /** Of ldap:// and ldaps://; default 389 and 636. */
  readonly ports?: readonly [number, number]
}

/** A real OpenLDAP in a host's namespace that takes no password in the clear, keeps memberOf, and has the password policies that entries name (`pwdPolicySubentry`). */
export class Slapd {
  private constructor(private readonly service: Service) {}

  static async start(lab: Lab, host: Host, { ldif, pki, certificate, ports = [389, 636] }: SlapdOptions): Promise<Slapd> {
    const folder = mkdtempSync(join(lab.folder, 'slapd-'))
    mkdirSync(join(folder, 'data'))
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const config = file('slapd.conf', [
      ...['core', 'cosine', 'inetorgperson'].map((schema) => `include /etc/ldap/schema/${schema}.schema`),
      'modulepath /usr/lib/ldap', 'moduleload back_mdb', 'moduleload memberof', 'moduleload ppolicy', `pidfile ${folder}/slapd.pid`, `argsfile ${folder}/slapd.args`,
      `TLSCACertificateFile ${pki.ca}`, `TLSCertificateFile ${certificate.certificate}`, `TLSCertificateKeyFile ${certificate.key}`, 'security simple_bind=128',
      'database mdb', `suffix "${LDAP_BASE}"`, `directory ${folder}/data`, 'maxsize 16777216', 'overlay memberof', 'overlay ppolicy', 'ppolicy_use_lockout',
      `access to attrs=userPassword by dn.base="cn=gateway,${LDAP_BASE}" write by self write by anonymous auth by * none`, `access to * by dn.base="cn=gateway,${LDAP_BASE}" read by self read by * none`, '',
    ].join('\n'))
    const base = `dn: ${LDAP_BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n`
    await must(['slapadd', '-f', config, '-l', file('data.ldif', `${base}\n${ldif}`)], { namespace: host.namespace })
    const service = new Service(['slapd', '-d', 'stats', '-f', config, '-h', `ldap://0.0.0.0:${ports[0]} ldaps://0.0.0.0:${ports[1]}`], { namespace: host.namespace })
    lab.onReset(() => service.stop('SIGKILL'))
    await service.until('slapd', () => service.output.includes('slapd starting'))
    return new Slapd(service)
  }

  /** What was asked and answered, line by line. */
  get output(): string {
    return this.service.output
  }
  async stop(): Promise<void> {
    await this.service.stop('SIGKILL')
  }
}
