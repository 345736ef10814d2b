import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Service } from './command.ts'
import { GATEWAY, type Host, type Lab } from './lab.ts'

export const RADIUS_SECRET = 'testing123'

export interface FreeRadiusOptions {
  /** Entries of its `users` file. */
  readonly users: string
  /** Unlang for its sections, behind what they have anyway. */
  readonly authorize?: string
  readonly postAuth?: string
  /** Default 1812; accounting on the next. */
  readonly port?: number
}

/** A real FreeRADIUS in a host's namespace that believes the gateway, with PAP, MS-CHAP and accounting into detail files. */
export class FreeRadius {
  private service: Service | undefined
  private constructor(private readonly lab: Lab, readonly host: Host, private readonly folder: string) {}

  static async start(lab: Lab, host: Host, options: FreeRadiusOptions): Promise<FreeRadius> {
    const server = new FreeRadius(lab, host, mkdtempSync(join(lab.folder, 'radius-')))
    server.configure(options)
    await server.start()
    return server
  }

  /** Again, after `stop`. */
  async start(): Promise<void> {
    const service = new Service(['freeradius', '-f', '-lstdout', '-x', '-d', this.folder, '-n', 'radiusd'], { namespace: this.host.namespace })
    this.service = service
    this.lab.onReset(() => service.stop('SIGKILL'))
    await service.until('freeradius', () => /Ready to process requests/.test(service.output))
  }
  async stop(): Promise<void> {
    await this.service?.stop('SIGKILL')
  }
  get output(): string {
    return this.service?.output ?? ''
  }

  /** Accounting-Requests in the order in which they came: attributes by name, quotes taken away. */
  accounting(): readonly Readonly<Record<string, string>>[] {
    const file = join(this.folder, 'detail')
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8').split(/\n\n+/).filter((block) => block.includes('Acct-Status-Type')).map((block) =>
      Object.fromEntries([...block.matchAll(/^\t([\w-]+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value.replace(/^"(.*)"$/, '$1')])))
  }

  private configure({ users, authorize = '', postAuth = '', port = 1812 }: FreeRadiusOptions): void {
    const { folder } = this
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'dictionary'), '$INCLUDE /usr/share/freeradius/dictionary\n')
    writeFileSync(join(folder, 'users'), users)
    const client = (name: string, address: string): string => `client ${name} {\n  ipaddr = ${address}\n  secret = ${RADIUS_SECRET}\n}\n`
    writeFileSync(join(folder, 'radiusd.conf'), `
prefix = /usr
libdir = /usr/lib/freeradius
name = radiusd
logdir = ${folder}
run_dir = ${folder}
radacctdir = ${folder}
correct_escapes = true
security {
  reject_delay = 0
  status_server = yes
}
${client('lan', '10.88.0.1')}${client('outside', GATEWAY.ipv4)}${client('loopback', '127.0.0.1')}
thread pool {
  start_servers = 1
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 2
}
modules {
  files {
    usersfile = ${folder}/users
  }
  pap {
  }
  mschap {
  }
  always handled {
    rcode = handled
  }
  detail {
    filename = ${folder}/detail
  }
}
server default {
  listen {
    type = auth
    ipaddr = *
    port = ${port}
  }
  listen {
    type = acct
    ipaddr = *
    port = ${port + 1}
  }
  authorize {
    mschap
    files
    pap
    ${authorize}
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type MS-CHAP {
      mschap
    }
  }
  accounting {
    detail
  }
  post-auth {
    ${postAuth}
  }
}
`)
  }
}
