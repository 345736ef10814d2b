import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { z } from 'zod'
import type { Plugin } from '../plugin.ts'
import { problemsOf } from './load.ts'

const backend = (name: string, loginStep?: Plugin['loginStep']): Plugin => ({ name: `auth-${name}`, summary: '', config: z.strictObject({}), start: () => undefined, ...(loginStep && { loginStep }) })
const PLUGINS = [backend('local'), backend('radius'), backend('totp', 'later'), { ...backend('certificate', 'silent'), furtherSteps: ['multiple-certificate'] }, backend('saml', 'first')]
const problems = (auth: string): readonly string[] => problemsOf(`[group.staff]\nauth = ${auth}\n`, '/x.toml', PLUGINS).map(({ message }) => message)

test('chains that make sense are taken', () => {
  for (const auth of [
    '[["local"]]', '[["local", "totp"]]', '[["certificate"]]', '[["certificate", "local", "totp"], ["saml"]]', '[["certificate", "saml"]]', '[["saml", "totp"]]', '[["local"], ["radius"]]', '[["certificate", "totp"]]', '[["multiple-certificate", "local"]]',
  ]) assert.equal(problems(auth), [], auth)
})
test('steps in the wrong order are refused with their place', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['[["totp"]]', 'group.staff.auth[0][0]: "totp" needs a step before it that says who it is'],
    ['[["local"], ["totp", "local"]]', 'group.staff.auth[1][0]: "totp" needs a step before it that says who it is'],
    ['[["local", "saml"]]', 'group.staff.auth[0][1]: "saml" has to come before "local"'],
    ['[["certificate", "local", "saml"]]', 'group.staff.auth[0][2]: "saml" has to come before "local"'],
    ['[["local", "certificate"]]', 'group.staff.auth[0][1]: "certificate" has to come before "local"'],
    ['[["local", "multiple-certificate"]]', 'group.staff.auth[0][1]: "multiple-certificate" has to come before "local"'],
    ['[["saml", "certificate"]]', 'group.staff.auth[0][1]: "certificate" has to come before "saml"'],
    ['[["local", "totp", "totp"]]', 'group.staff.auth[0][2]: "totp" is twice in one chain'],
    ['[["locol"]]', 'group.staff.auth[0][0]: there is no back-end "locol"; did you mean "local"?'],
  ]
  for (const [auth, expected] of cases) assert.ok(problems(auth).some((message) => message.includes(expected)), `${auth}: ${problems(auth).join('; ')}`)
})

test.run()
