import { statSync } from 'node:fs'
import { join } from 'node:path'
import { run, Service, sleep, until } from './command.ts'
import type { Host, Lab } from './lab.ts'

/** What went over a wire of the lab, by tcpdump. */
export class Capture {
  private constructor(private readonly service: Service, private readonly file: string) {}

  /** `filter` is tcpdump's: `udp port 443`. */
  static async start(lab: Lab, host: Host, device: string, filter: string): Promise<Capture> {
    const file = join(lab.folder, `capture-${process.hrtime.bigint()}.pcap`)
    const service = new Service(['tcpdump', '-i', device, '--immediate-mode', '-U', '-Z', 'root', '-s', '0', '-w', file, ...filter.split(' ')], { namespace: host.namespace })
    lab.onReset(() => service.stop('SIGKILL'))
    await service.until('tcpdump to listen', () => /listening on/.test(service.stderr))
    return new Capture(service, file)
  }

  /** Ends the capture; fields of every packet by tshark's names. */
  async fields(names: readonly string[]): Promise<readonly (readonly string[])[]> {
    // Packets are in the kernel's ring before they are in the file.
    for (let written = -1, size = statSync(this.file).size; size !== written; size = statSync(this.file).size) {
      written = size
      await sleep(250)
    }
    await this.service.stop('SIGINT')
    const { stdout } = await run(['tshark', '-r', this.file, '-T', 'fields', ...names.flatMap((name) => ['-e', name])])
    return stdout.split('\n').filter((line) => line !== '').map((line) => line.split('\t'))
  }

  /** Waits until the capture holds something. */
  async some(): Promise<void> {
    await until('packets in the capture', async () => (await run(['test', '-s', this.file])).code === 0)
  }
}
