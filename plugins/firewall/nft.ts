import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { GatewayError } from '../../core/api.ts'
import { deviceOf } from './ruleset.ts'

const PLACES = ['/usr/sbin/nft', '/sbin/nft', '/usr/local/sbin/nft', '/usr/bin/nft']
const TIMEOUT_MS = 5_000
/** Of what nft says, on either stream. */
const OUTPUT_LIMIT = 1 << 20

export const findNft = (): string | undefined => PLACES.find((place) => existsSync(place))

/** nftables through its own program: fixed arguments, the script on standard input, never a shell. */
export class Nft {
  constructor(private readonly program: string, private readonly timeoutMs = TIMEOUT_MS) {}

  async apply(script: string): Promise<void> {
    await this.run(['-f', '-'], script)
  }

  /** Devices that have a table here, with its handle: another one is another table. */
  async tables(): Promise<ReadonlyMap<string, number>> {
    const listing = await this.run(['-j', '-a', 'list', 'tables'], '')
    const { nftables } = JSON.parse(listing) as { nftables: readonly { table?: { family: string; name: string; handle: number } }[] }
    return new Map(nftables.flatMap(({ table }) => {
      const device = table?.family === 'inet' ? deviceOf(table.name) : undefined
      return table && device !== undefined ? [[device, table.handle] as const] : []
    }))
  }

  private run(args: readonly string[], input: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.program, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: this.timeoutMs, killSignal: 'SIGKILL', env: { LC_ALL: 'C' } })
      const output = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].setEncoding('utf8').on('data', (text: string) => {
          if (output[name].length < OUTPUT_LIMIT) output[name] += text
        })
      }
      child.on('error', (error) => reject(refusal(error.message)))
      child.on('close', (code, signal) => {
        if (code === 0) resolve(output.stdout)
        else reject(refusal(signal ? `no answer in ${this.timeoutMs / 1000} s` : (output.stderr.split('\n')[0] ?? '').slice(0, 200) || `exit ${code}`))
      })
      // nft may be gone before it has read everything; its exit code tells why.
      child.stdin.on('error', () => undefined)
      child.stdin.end(input)
    })
  }
}

const refusal = (reason: string): GatewayError => new GatewayError('REFUSED', `nft: ${reason}`)
