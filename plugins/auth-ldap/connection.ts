import type { Socket } from 'node:net'
import { openChannel } from './connect.ts'
import type { ServerConfig } from './config.ts'
import { ldapts, type Client, type Control, type Entry as LibraryEntry, type Filter } from './ldapts.ts'
import type { MessageChannel } from './message-channel.ts'
import { askForPolicy, type PolicyAnswer } from './password-policy.ts'

/** The server cannot be used now, and another may be asked. */
export class ServerFault extends Error {}
/** The directory's answer to a request is an error. */
export class ResultError extends Error {
  constructor(readonly code: number, readonly diagnostic: string, readonly policy: PolicyAnswer = {}) {
    super(`${diagnostic === '' ? 'no reason' : diagnostic} (result ${code})`)
  }
}
export interface Entry {
  readonly dn: string
  /** Text values of an attribute, whatever the case of its name. */
  values(attribute: string): readonly string[]
  /** The values that are no text, and those of attributes that `Search.binary` names. */
  bytes(attribute: string): readonly Buffer[]
}
export interface Search {
  readonly scope: 'base' | 'sub'
  readonly filter: string | Filter
  readonly attributes: readonly string[]
  readonly binary?: readonly string[]
  /** Beyond it nothing is sent. */
  readonly limit: number
}

/** busy, unavailable: of the server, not of the request. */
const OF_THE_SERVER: readonly number[] = [51, 52]

const PASSWORD_MODIFY = '1.3.6.1.4.1.4203.1.11.1'

/** One connection to one server, for one login: each request is over when `signal` says so. Referrals are not followed. */
export class Connection {
  private constructor(private readonly client: Client, private readonly channel: MessageChannel, private readonly timeLimitSec: number, readonly encrypted: boolean) {}

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
      return new Connection(new (ldapts().Client)({ url: 'ldap://channel', createConnection }), channel, timeLimitSec, server.encryption !== 'none')
    } catch (error) {
      throw new ServerFault(oneLine(error))
    }
  }

  /** A simple bind; name and password both empty: anonymous. Throws ResultError and ServerFault. */
  async bind(dn: string, password: string): Promise<PolicyAnswer> {
    // A name without a password succeeds everywhere and proves nothing (RFC 4513 section 5.1.2).
    if ((dn === '') !== (password === '') || (dn !== '' && !dn.includes('='))) throw new ResultError(34, 'not a name to bind with')
    return this.withPolicy((control) => this.client.bind(dn, password, control))
  }

  /** Throws ResultError and ServerFault. */
  async search(base: string, { scope, filter, attributes, binary = [], limit }: Search): Promise<readonly Entry[]> {
    const { searchEntries } = await this.answered(this.client.search(base, { scope, filter, attributes: [...attributes], explicitBufferAttributes: [...binary], sizeLimit: limit, timeLimit: Math.ceil(this.timeLimitSec) }))
    return searchEntries.slice(0, limit).map(entryOf)
  }

  /** RFC 3062; of whom, and with which rights, the bind says. Throws ResultError and ServerFault. */
  async modifyPassword(dn: string, old: string, fresh: string): Promise<void> {
    const writer = new (ldapts().BerWriter)()
    writer.startSequence()
    ;[dn, old, fresh].forEach((text, at) => writer.writeString(text, 0x80 + at))
    writer.endSequence()
    await this.withPolicy((control) => this.client.exop(PASSWORD_MODIFY, writer.buffer, control))
  }

  /** As Active Directory wants it (MS-ADTS 3.1.1.3.1.5): the old value goes, the new one comes. Throws ResultError and ServerFault. */
  async replaceUnicodePwd(dn: string, old: string, fresh: string): Promise<void> {
    const { Attribute, Change } = ldapts()
    const change = (operation: 'delete' | 'add', password: string) => new Change({ operation, modification: new Attribute({ type: 'unicodePwd', values: [Buffer.from(`"${password}"`, 'utf16le')] }) })
    await this.answered(this.client.modify(dn, [change('delete', old), change('add', fresh)]))
  }

  close(): void {
    this.channel.broken('closed')
  }

  private async withPolicy(request: (control: Control) => Promise<unknown>): Promise<PolicyAnswer> {
    const { control, answer } = askForPolicy()
    await this.answered(request(control), answer)
    return answer()
  }

  private async answered<T>(answer: Promise<T>, policy: () => PolicyAnswer = () => ({})): Promise<T> {
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof ldapts().ResultCodeError)) throw new ServerFault(this.channel.problem ?? oneLine(error))
      const result = new ResultError(error.code, oneLine(error).replace(/ ?Code: 0x[0-9a-f]+$/, ''), policy())
      throw OF_THE_SERVER.includes(error.code) ? new ServerFault(result.message) : result
    }
  }
}

function entryOf(entry: LibraryEntry): Entry {
  const found = new Map(Object.entries(entry).map(([name, value]): [string, readonly (string | Buffer)[]] => [name.toLowerCase(), [value].flat()]))
  const of = (attribute: string): readonly (string | Buffer)[] => found.get(attribute.toLowerCase()) ?? []
  return { dn: entry.dn, values: (attribute) => of(attribute).filter((one) => typeof one === 'string'), bytes: (attribute) => of(attribute).filter((one) => Buffer.isBuffer(one)) }
}

/** What a server says goes to log and health. */
const oneLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/[\p{C}\s]+/gu, ' ').trim().slice(0, 200)
