import type { Socket } from 'node:net'
import { ldapts, type Client, type Entry as LibraryEntry } from './ldapts.ts'
import { openChannel } from './connect.ts'
import type { ServerConfig } from './config.ts'
import type { MessageChannel } from './message-channel.ts'

/** The server cannot be used now, and another may be asked. */
export class ServerFault extends Error {}
/** The directory's answer to a request is an error. */
export class ResultError extends Error {
  constructor(readonly code: number, readonly diagnostic: string) {
    super(`${diagnostic === '' ? 'no reason' : diagnostic} (result ${code})`)
  }
}
export interface Entry {
  readonly dn: string
  /** Text values of an attribute, whatever the case of its name. */
  values(attribute: string): readonly string[]
}
export interface Search {
  readonly scope: 'base' | 'sub'
  readonly filter: string
  readonly attributes: readonly string[]
  /** Beyond it nothing is sent. */
  readonly limit: number
}

/** busy, unavailable: of the server, not of the request. */
const OF_THE_SERVER: readonly number[] = [51, 52]

/** One connection to one server, for one login: bind and search, each over when `signal` says so. Referrals are not followed. */
export class Connection {
  private constructor(private readonly client: Client, private readonly channel: MessageChannel, private readonly timeLimitSec: number) {}

  /** Throws ServerFault. */
  static async open(server: ServerConfig, timeLimitSec: number, signal: AbortSignal): Promise<Connection> {
    try {
      const channel = await openChannel(server, signal)
      let taken = false
      const createConnection = (): Socket => {
        // The library would come again by itself, as nobody.
        if (taken) throw new Error(channel.problem ?? 'the connection is over')
        taken = true
        // All that the library asks of a socket is in MessageChannel.
        return channel as unknown as Socket
      }
      return new Connection(new (ldapts().Client)({ url: 'ldap://channel', createConnection }), channel, timeLimitSec)
    } catch (error) {
      throw new ServerFault(oneLine(error))
    }
  }

  /** A simple bind; name and password both empty: anonymous. Throws ResultError and ServerFault. */
  async bind(dn: string, password: string): Promise<void> {
    // A name without a password succeeds everywhere and proves nothing (RFC 4513 section 5.1.2).
    if ((dn === '') !== (password === '') || (dn !== '' && !dn.includes('='))) throw new ResultError(34, 'not a name to bind with')
    await this.answered(this.client.bind(dn, password))
  }

  /** Throws ResultError and ServerFault. */
  async search(base: string, { scope, filter, attributes, limit }: Search): Promise<readonly Entry[]> {
    const { searchEntries } = await this.answered(this.client.search(base, { scope, filter, attributes: [...attributes], sizeLimit: limit, timeLimit: Math.ceil(this.timeLimitSec) }))
    return searchEntries.slice(0, limit).map(entryOf)
  }

  close(): void {
    this.channel.broken('closed')
  }

  private async answered<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof ldapts().ResultCodeError)) throw new ServerFault(this.channel.problem ?? oneLine(error))
      const result = new ResultError(error.code, oneLine(error).replace(/ ?Code: 0x[0-9a-f]+$/, ''))
      throw OF_THE_SERVER.includes(error.code) ? new ServerFault(result.message) : result
    }
  }
}

function entryOf(entry: LibraryEntry): Entry {
  const found = new Map(Object.entries(entry).map(([name, value]) => [name.toLowerCase(), [value].flat().filter((one) => typeof one === 'string')]))
  return { dn: entry.dn, values: (attribute) => found.get(attribute.toLowerCase()) ?? [] }
}

/** What a server says goes to log and health. */
const oneLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, 200)
