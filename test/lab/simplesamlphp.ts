import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeSpKey } from '../../plugins/auth-saml/sp-key.ts'
import { run, Service, until } from './command.ts'
import type { Host, Lab } from './lab.ts'

const HOME = '/usr/share/simplesamlphp'
const BASE = 'http://127.0.0.1:8085/'
const ENTITY = `${BASE}saml2/idp/metadata.php`

export interface ServiceProviderFacts {
  readonly entityId: string
  readonly acs: string
  readonly logout: string
  /** PEM: requests must be signed by it. */
  readonly certificate: string
}

/** Debian's SimpleSAMLphp as an identity provider on the loopback of one host, with users of its own (reference/fleet section 3). */
export class SimpleSamlPhp {
  readonly service: Service
  private constructor(
    readonly host: Host,
    private readonly folder: string,
  ) {
    // It gives pages inside module.php the path that a web server would.
    this.service = new Service(['php', '-d', 'error_log=/dev/stderr', '-S', '127.0.0.1:8085', '-t', `${HOME}/www`, join(folder, 'router.php')], { namespace: host.namespace, env: { SIMPLESAMLPHP_CONFIG_DIR: join(folder, 'config') } })
  }

  /** Password and attributes by user. */
  static async start(lab: Lab, host: Host, users: Readonly<Record<string, { readonly password: string; readonly attributes: Readonly<Record<string, readonly string[]>> }>>): Promise<SimpleSamlPhp> {
    const folder = join(lab.folder, 'simplesamlphp')
    for (const part of ['config', 'metadata', 'cert', 'log', 'data', 'tmp', 'session']) mkdirSync(join(folder, part), { recursive: true })
    const pair = await makeSpKey('idp', Date.now(), 2048)
    writeFileSync(join(folder, 'cert/idp.crt'), pair.certificate)
    writeFileSync(join(folder, 'cert/idp.key'), pair.key)
    const php = (value: unknown): string =>
      value instanceof Object ? `[${Object.entries(value).map(([key, entry]) => (Array.isArray(value) ? php(entry) : `${php(key)} => ${php(entry)}`)).join(', ')}]` : typeof value === 'string' ? `'${value.replace(/[\\']/g, '\\$&')}'` : String(value)
    const write = (file: string, text: string): void => writeFileSync(join(folder, file), `<?php\n${text}\n`)
    write('config/config.php', `$config = ${php({
      baseurlpath: BASE, certdir: `${folder}/cert/`, loggingdir: `${folder}/log/`, datadir: `${folder}/data/`, tempdir: `${folder}/tmp`, metadatadir: `${folder}/metadata/`,
      'auth.adminpassword': 'not used', secretsalt: 'abcdefghijklmnop', technicalcontact_name: 'x', technicalcontact_email: 'na@example.org', timezone: 'UTC',
      'logging.handler': 'file', 'enable.saml20-idp': true, 'module.enable': { exampleauth: true, core: true, saml: true },
      'session.cookie.secure': false, 'session.cookie.samesite': null, 'session.phpsession.savepath': `${folder}/session`, 'session.phpsession.cookiename': 'SimpleSAML',
      'store.type': 'phpsession', 'metadata.sources': [{ type: 'flatfile' }], 'admin.checkforupdates': false,
    })};`)
    const accounts = Object.fromEntries(Object.entries(users).map(([name, { password, attributes }]) => [`${name}:${password}`, { uid: [name], ...attributes }]))
    write('config/authsources.php', `$config = ['users' => array_merge(['exampleauth:UserPass'], ${php(accounts)})];`)
    write('metadata/saml20-idp-hosted.php', `$metadata['${ENTITY}'] = ${php({ host: '__DEFAULT__', privatekey: 'idp.key', certificate: 'idp.crt', auth: 'users' })};`)
    write('metadata/saml20-sp-remote.php', '')
    write('router.php', `$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (preg_match('#^(/(?:.*/)?[a-zA-Z0-9_-]+\\.php)(/.*)?$#', $path, $part) && is_file('${HOME}/www' . $part[1])) {
  $_SERVER['SCRIPT_NAME'] = $part[1];
  $_SERVER['PHP_SELF'] = $path;
  $_SERVER['SCRIPT_FILENAME'] = '${HOME}/www' . $part[1];
  if (isset($part[2])) $_SERVER['PATH_INFO'] = $part[2]; else unset($_SERVER['PATH_INFO']);
  chdir(dirname($_SERVER['SCRIPT_FILENAME']));
  require $_SERVER['SCRIPT_FILENAME'];
  return true;
}
return false;`)
    const idp = new SimpleSamlPhp(host, folder)
    lab.onReset(() => idp.service.stop('SIGKILL'))
    return idp
  }

  /** Its own metadata, once it answers. */
  async metadata(): Promise<string> {
    return until('the metadata of the identity provider', async () => {
      const { code, stdout } = await run(['curl', '-sf', '--max-time', '20', ENTITY], { namespace: this.host.namespace })
      return code === 0 && stdout.includes('EntityDescriptor') ? stdout : undefined
    }, 20_000, () => this.service.output)
  }

  /** Whom it answers. */
  trust({ entityId, acs, logout, certificate }: ServiceProviderFacts): void {
    writeFileSync(join(this.folder, 'metadata/saml20-sp-remote.php'), `<?php
$metadata['${entityId}'] = ['AssertionConsumerService' => '${acs}', 'SingleLogoutService' => '${logout}', 'saml20.sign.response' => true, 'saml20.sign.assertion' => true,
  'validate.authnrequest' => true, 'certData' => '${certificate.replace(/-----[A-Z ]+-----|\s+/g, '')}'];
`)
  }
}
