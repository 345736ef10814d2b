import { z } from 'zod'
import { nearest } from '../../core/api.ts'
import { suiteNamed, SUITES } from './suite.ts'

const ciphers = z.array(z.string()).max(SUITES.length).superRefine((names, context) => {
  names.forEach((name, at) => {
    if (names.indexOf(name) < at) context.addIssue({ code: 'custom', path: [at], message: `${JSON.stringify(name)} is listed twice` })
    else if (!suiteNamed(name)) context.addIssue({ code: 'custom', path: [at], message: refusal(name) })
  })
})

function refusal(name: string): string {
  const guess = nearest(name, SUITES.map((suite) => suite.name))
  return `unknown cipher suite ${JSON.stringify(name.slice(0, 64))}${guess === undefined ? ' (plugins/dtls/README.md lists them)' : `; did you mean "${guess}"?`}`
}

/** Section `[dtls]`. */
export const DtlsConfig = z.strictObject({
  ciphers: ciphers.default([]).meta({ title: 'Cipher suites', description: 'In the order of preference; empty: by the processor.' }),
  psk: z.boolean().default(true).meta({ title: 'Pre-shared key', description: 'PSK-NEGOTIATE of openconnect.' }),
  legacy: z.boolean().default(true).meta({ title: 'Resumed session', description: 'DTLS 1.2 of Cisco\'s clients and of openconnect before version 8.' }),
})
export type DtlsConfig = z.infer<typeof DtlsConfig>
