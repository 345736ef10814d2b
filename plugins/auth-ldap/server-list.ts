import type { Clock, Health, Logger } from '../../core/api.ts'
import type { AuthLdapConfig, ServerConfig } from './config.ts'
import { Connection, ServerFault } from './connection.ts'
import { bindSelf } from './directory.ts'

/** How often a dead server is tried. */
const PROBE_MS = 10_000

export interface ServerListParts {
  readonly clock: Clock
  readonly health: Health
  readonly log: Logger
}

/** The servers in their order; who has failed is dead, and others are asked first, until a probe gets through. */
export class ServerList {
  private readonly dead = new Map<string, { cancel(): void }>()
  /** Of what is under way. */
  private readonly limits = new Set<AbortController>()
  private over = false
  constructor(private readonly section: AuthLdapConfig, private readonly parts: ServerListParts) {}

  /** What the first server says that can; undefined when none can. Each has `timeout`. */
  async ask<T>(work: (connection: Connection) => Promise<T>): Promise<T | undefined> {
    for (const server of this.order()) {
      try {
        const answer = await this.with(server, work)
        this.revive(server)
        return answer
      } catch (error) {
        if (!(error instanceof ServerFault)) throw error
        if (this.over) return undefined
        this.bury(server, error.message)
      }
    }
    return undefined
  }

  close(): void {
    this.over = true
    this.limits.forEach((limit) => limit.abort(new Error('the gateway stops or has a new configuration')))
    this.section.server.forEach((server) => this.revive(server))
  }

  /** The living, then the dead: they may have come back. */
  private order(): readonly ServerConfig[] {
    const { server } = this.section
    const living = server.filter(({ name }) => !this.dead.has(name))
    return living.length > 0 ? living : server
  }

  private async with<T>(server: ServerConfig, work: (connection: Connection) => Promise<T>): Promise<T> {
    const limit = new AbortController()
    this.limits.add(limit)
    const timer = this.parts.clock.after(this.section.timeout * 1000, () => limit.abort(new Error('no answer in time')))
    try {
      const connection = await Connection.open(server, this.section.timeout, limit.signal)
      try {
        return await work(connection)
      } finally {
        connection.close()
      }
    } finally {
      timer.cancel()
      this.limits.delete(limit)
    }
  }

  private bury(server: ServerConfig, why: string): void {
    const code = codeOf(server)
    if (!this.dead.has(server.name)) this.parts.log.warn('a directory server cannot be used', { server: server.name, why })
    this.parts.health.raise(code, 'error', `directory server ${server.name}: ${why}`)
    this.dead.get(server.name)?.cancel()
    this.dead.set(server.name, this.parts.clock.after(PROBE_MS, () => void this.probe(server)))
  }

  private async probe(server: ServerConfig): Promise<void> {
    try {
      await this.with(server, (connection) => (this.section['user-dn'] === undefined ? bindSelf(connection, this.section) : Promise.resolve()))
      if (!this.over) this.revive(server)
    } catch (error) {
      if (this.over) return
      if (!(error instanceof ServerFault)) this.parts.log.error('the probe of a directory server failed', { server: server.name, error })
      this.bury(server, (error as Error).message)
    }
  }

  private revive(server: ServerConfig): void {
    this.dead.get(server.name)?.cancel()
    if (this.dead.delete(server.name)) this.parts.health.clear(codeOf(server))
  }
}
const codeOf = (server: ServerConfig): string => `auth-ldap-server-${server.name}`
