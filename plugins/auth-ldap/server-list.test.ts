import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Secret } from '../../core/api.ts'
import { ListedHealth, TestClock, TestLog } from '../../core/testing.ts'
import type { AuthLdapConfig } from './config.ts'
import { ServerList } from './server-list.ts'
import { ScriptedDirectory } from './scripted-directory.ts'

const section = (port: number): AuthLdapConfig => ({
  'server': [{ name: 'ldap://127.0.0.1', host: '127.0.0.1', port, encryption: 'none', ca: undefined, certificateName: '127.0.0.1' }],
  'bind-dn': 'cn=gateway,dc=x', 'bind-password-file': new Secret('own'), 'base-dn': 'dc=x', 'timeout': 5,
}) as unknown as AuthLdapConfig

test('a dead server is tried every ten seconds, and its health entry goes when it takes the gateway', async () => {
  const before = await ScriptedDirectory.listen(() => ({}))
  const { port } = before
  await before.close()
  const [clock, health] = [new TestClock(), new ListedHealth()]
  const servers = new ServerList(section(port), { clock, health, log: new TestLog() })
  assert.is(await servers.ask(() => Promise.resolve('asked')), undefined)
  assert.match(health.list()[0]?.text ?? '', /ldap:\/\/127\.0\.0\.1: .*ECONNREFUSED/)

  let code = 49
  let asked = (): void => undefined
  const back = await ScriptedDirectory.listen(() => {
    asked()
    return { code }
  }, port)
  const probed = async (done: () => boolean): Promise<void> => {
    const heard = new Promise<void>((resolve) => (asked = resolve))
    clock.advance(10_000)
    await heard
    while (!done()) await new Promise((resolve) => setImmediate(resolve))
  }
  await probed(() => /bind-dn is refused/.test(health.list()[0]?.text ?? ''))
  code = 0
  await probed(() => health.list().length === 0)
  assert.equal(back.requests, Array(2).fill({ kind: 'bind', dn: 'cn=gateway,dc=x', password: 'own' }))
  await back.close()
})
test('while all are dead all are asked, in their order, and who answers lives', async () => {
  const places = await Promise.all([0, 1].map(() => ScriptedDirectory.listen(() => ({}))))
  const ports = places.map(({ port }) => port)
  await Promise.all(places.map((place) => place.close()))
  const [clock, health] = [new TestClock(), new ListedHealth()]
  const both = { ...section(0), server: ports.map((port) => ({ name: `ldap://127.0.0.1:${port}`, host: '127.0.0.1', port, encryption: 'none', ca: undefined, certificateName: '127.0.0.1' })) } as unknown as AuthLdapConfig
  const servers = new ServerList(both, { clock, health, log: new TestLog() })
  const ask = (): Promise<string | undefined> => servers.ask(async (connection) => {
    await connection.bind('', '')
    return 'asked'
  })
  assert.is(await ask(), undefined)
  assert.equal(health.list().map(({ code }) => code), ports.map((port) => `auth-ldap-server-ldap://127.0.0.1:${port}`))
  const back = await ScriptedDirectory.listen(() => ({}), ports[1])
  assert.is(await ask(), 'asked')
  assert.equal(health.list().map(({ code }) => code), [`auth-ldap-server-ldap://127.0.0.1:${ports[0]}`])
  // The dead one is left alone now; its probe is the one timer.
  const first = await ScriptedDirectory.listen(() => ({}), ports[0])
  assert.is(await ask(), 'asked')
  assert.equal([first.requests.length, back.requests.length, clock.pending], [0, 2, 1])
  servers.close()
  assert.equal([health.list(), clock.pending], [[], 0])
  await Promise.all([first.close(), back.close()])
})
test('what is under way when the list ends is not held against a server', async () => {
  const directory = await ScriptedDirectory.listen(() => 'silence')
  const health = new ListedHealth()
  const servers = new ServerList(section(directory.port), { clock: new TestClock(), health, log: new TestLog() })
  const asked = servers.ask(async (connection) => {
    setImmediate(() => servers.close())
    await connection.bind('cn=a', 'b')
  })
  assert.is(await asked, undefined)
  assert.equal(health.list(), [])
  await directory.close()
})

test.run()
