import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTcp, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HealthList } from '../../core/health-list.ts'
import { TestClock, testDirectory, TestLog } from '../../core/testing.ts'
import { createX509 } from '../../native/index.ts'
import { Pki } from '../../test/lab/pki.ts'
import { boundedFetch } from './bounded-fetch.ts'
import { ListFetcher } from './list-fetcher.ts'
import { OcspStatus } from './ocsp-status.ts'
import { der } from './testing.ts'
import { Trust } from './trust.ts'

const folder = testDirectory()
const pki = await Pki.make(join(folder, 'pki'))
const good = await pki.issue('good')
const bad = await pki.issue('bad')
await pki.revoke('bad')
const trust = new Trust(createX509())
trust.use({ authorities: readFileSync(pki.ca, 'utf8'), lists: [] })
const clock = new TestClock(Date.now())
const chain = (file: string): readonly Uint8Array[] => der(file, pki.ca)

async function freePort(): Promise<number> {
  const server = createTcp().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
/** `openssl ocsp` as a responder that signs with `signer`. */
async function responder(signer: { readonly certificate: string; readonly key: string }, index = pki.path('root.db/index.txt')): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const port = await freePort()
  const child = spawn('openssl', ['ocsp', '-port', String(port), '-index', index, '-CA', pki.ca, '-rsigner', signer.certificate, '-rkey', signer.key, '-nmin', '10'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr?.on('data', (chunk) => (said += String(chunk)))
  while (!said.includes('waiting')) await once(child.stderr as NodeJS.ReadableStream, 'data')
  return { url: `http://127.0.0.1:${port}`, child }
}
const status = (url: string | undefined, ocsp: 'soft' | 'hard' = 'hard', count = { asked: 0 }): OcspStatus => new OcspStatus({
  trust, clock, log: new TestLog(), exempt: () => false,
  config: () => ({ ocsp, 'ocsp-url': url }),
  fetch: (...args) => (count.asked++, boundedFetch(...args)),
})

test('G20 OCSP: good, revoked and unknown by the issuer itself and by a responder that it has certified, asked once', async () => {
  const delegated = await pki.issue('responder', { extensions: ['extendedKeyUsage = OCSPSigning', 'keyUsage = digitalSignature'] })
  for (const signer of [{ certificate: pki.ca, key: pki.path('root.key') }, delegated]) {
    const { url, child } = await responder(signer)
    try {
      const count = { asked: 0 }
      const one = status(url, 'hard', count)
      assert.equal(await Promise.all([one.problem(chain(good.certificate)), one.problem(chain(good.certificate))]), [undefined, undefined])
      assert.is(await one.problem(chain(good.certificate)), undefined)
      assert.is(count.asked, 1, 'an answer is remembered')
      assert.match(await one.problem(chain(bad.certificate)) ?? '', /revoked since .* \(keyCompromise\)/)
    } finally {
      child.kill()
    }
  }
  const { url, child } = await responder(delegated, '/dev/null')
  try {
    assert.match(await status(url, 'soft').problem(chain(good.certificate)) ?? '', /does not know/)
  } finally {
    child.kill()
  }
})

test('G20 OCSP: who is not certified for it is not believed; a silent responder is passed over softly, and refuses hard', async () => {
  const { url, child } = await responder(good)
  try {
    assert.match(await status(url).problem(chain(good.certificate)) ?? '', /not signed by the issuer or its responder/)
    assert.is(await status(url, 'soft').problem(chain(good.certificate)), undefined)
  } finally {
    child.kill()
  }
  const nobody = `http://127.0.0.1:${await freePort()}`
  assert.match(await status(nobody).problem(chain(good.certificate)) ?? '', /no answer of a responder: .*ECONNREFUSED/)
  assert.is(await status(nobody, 'soft').problem(chain(good.certificate)), undefined)
  assert.match(await status(undefined).problem(chain(good.certificate)) ?? '', /names none/)
})

test('OCSP: an answer to another question, of garbage, or too long proves nothing', async () => {
  let body: Uint8Array = Buffer.from('nonsense')
  const server = await listening(() => body)
  try {
    assert.match(await status(server.url).problem(chain(good.certificate)) ?? '', /cannot be read/)
    body = Buffer.alloc(65 * 1024)
    assert.match(await status(server.url).problem(chain(good.certificate)) ?? '', /more than 65536 bytes/)
  } finally {
    server.close()
  }
})

async function listening(body: () => Uint8Array | undefined): Promise<{ readonly url: string; close(): void }> {
  const server: Server = createServer((request, response) => {
    request.resume()
    const bytes = body()
    response.writeHead(bytes ? 200 : 404).end(bytes)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/list.crl`, close: () => void server.close().closeAllConnections() }
}

test('G20 a revocation list is fetched by its URL, kept on disk, and replaced by no older one', async () => {
  let body: Uint8Array | undefined = readFileSync(await pki.list({ seconds: 7200 }))
  const server = await listening(() => body)
  const health = new HealthList(clock, new TestLog())
  let changes = 0
  const fetcher = new ListFetcher({ directory: folder, urls: () => [server.url], readable: (list) => trust.readable(list), clock, health, fetch: boundedFetch, changed: () => changes++ })
  try {
    fetcher.start()
    await fetcher.settled()
    assert.is(changes, 1)
    trust.use({ authorities: readFileSync(pki.ca, 'utf8'), lists: fetcher.parts().lists })
    assert.match(trust.verify(chain(bad.certificate), Date.now() + 5000, { stale: false, listed: true })?.text ?? '', /revoked/)
    for (const [next, problem] of [[readFileSync(await pki.list({ seconds: 3600 })), /older than the one before/], [Buffer.from('0nonsense'), /no revocation list/], [undefined, /status 404/]] as const) {
      body = next
      clock.advance(3_600_001)
      await fetcher.settled()
      assert.match(health.list()[0]?.text ?? '', problem)
      assert.is(fetcher.parts().lists.length, 1)
    }
    assert.is(changes, 1)
  } finally {
    await fetcher.stop()
    server.close()
  }
})

test.run()
