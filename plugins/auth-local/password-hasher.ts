import { randomBytes } from 'node:crypto'
import { hash, verify, type Algorithm } from '@node-rs/argon2'
import { cryptProblem, GatewayError, sourceNetwork, type Crypt } from '../../core/api.ts'
import { TurnQueue } from './turn-queue.ts'
import { PASSWORD_LIMIT } from './user.ts'

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const PARAMETERS = { algorithm: 2 as Algorithm.Argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Verifications at once: each occupies a thread of libuv's pool and 19 MiB. */
const CONCURRENCY = 2
/** Verifications waiting; about a second of work. */
export const QUEUE_LIMIT = 64

/** Of the commands, which come from no network. */
const COMMANDS = 'commands'

/** A hash of crypt(3), which came with the user; what is made here is argon2id's. */
export const isImported = (stored: string): boolean => !stored.startsWith('$argon2')

/** No place in the queue, or it went to a quieter source. */
export class HasherBusy extends GatewayError {
  constructor() {
    super('REFUSED', 'too many passwords are being verified; try again in a second')
  }
}

/**
 * Hashes and verifies passwords off the event loop, a bounded number at once. Who waits takes turns by source: an IPv4
 * address, or the /64 of an IPv6 address.
 */
export class PasswordHasher {
  private running = 0
  private readonly waiting = new TurnQueue(QUEUE_LIMIT)
  private decoyHash: Promise<string> | undefined

  /** `crypt`: absent where none is verified. */
  constructor(private readonly crypt?: Crypt) {}

  /** PHC string. */
  hash(password: string): Promise<string> {
    return this.queued(COMMANDS, () => hash(password, PARAMETERS))
  }

  /** `peer`: address of the client. Rejects with HasherBusy, or with an error for a string that is not a hash. */
  verify(stored: string, password: string, peer: string): Promise<boolean> {
    // Nothing longer was ever stored; what is verified instead keeps the cost the same.
    const fits = Buffer.byteLength(password) <= PASSWORD_LIMIT
    const given = fits ? password : ''
    return this.queued(sourceNetwork(peer), async () => (isImported(stored) ? await this.imported(stored, given) : await verify(stored, given)) && fits)
  }

  /** A new hash for a password that was right, in the turn of the client. */
  rehash(password: string, peer: string): Promise<string> {
    return this.queued(sourceNetwork(peer), () => hash(password, PARAMETERS))
  }

  /** A wrong password costs what it costs with a hash made here, and crypt(3) on top. */
  private async imported(stored: string, password: string): Promise<boolean> {
    const problem = cryptProblem(stored)
    if (problem !== undefined || !this.crypt) throw new GatewayError('REFUSED', problem ?? 'hashes of crypt(3) are not verified here')
    if (await this.crypt.matches(stored, password)) return true
    this.decoyHash ??= hash(randomBytes(32), PARAMETERS)
    await verify(await this.decoyHash, password)
    return false
  }

  /** Costs what `verify` costs for a hash made here, and is never right. */
  async decoy(password: string, peer: string): Promise<false> {
    this.decoyHash ??= hash(randomBytes(32), PARAMETERS)
    await this.verify(await this.decoyHash, password, peer)
    return false
  }

  /** Makes the decoy, so that the first unknown user costs no more than the second. */
  async prepare(): Promise<void> {
    this.decoyHash ??= hash(randomBytes(32), PARAMETERS)
    await this.decoyHash
  }

  private async queued<T>(source: string, work: () => Promise<T>): Promise<T> {
    if (this.running < CONCURRENCY) this.running++
    else if (!(await this.waiting.wait(source))) throw new HasherBusy()
    try {
      return await work()
    } finally {
      // The place goes to the next in line, or back.
      if (!this.waiting.next()) this.running--
    }
  }
}
