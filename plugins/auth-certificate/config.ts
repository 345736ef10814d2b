import { z } from 'zod'
import { filePath } from '../../core/api.ts'
import { nameSource } from './name-source.ts'

/** Bounds of the section. */
const MAX_FILES = 32
const files = () => z.union([filePath().transform((file) => [file]), z.array(filePath()).max(MAX_FILES)])
const httpUrl = () => z.string().max(1024).refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be a URL that begins with http:// or https://')
const urls = () => z.union([httpUrl().transform((url) => [url]), z.array(httpUrl()).max(MAX_FILES)])

/** Section `[auth-certificate]`. */
export const AuthCertificateConfig = z.strictObject({
  ca: files().default([]).meta({ title: 'Authorities', description: 'PEM: whose certificates are accepted, each trusted by itself, a root or not; beside the gateway\'s own' }),
  crl: files().default([]).meta({ title: 'Revocation lists', description: 'PEM or DER; read again when a file changes' }),
  'crl-url': urls().default([]).meta({ title: 'Revocation lists by HTTP', description: 'Fetched every hour, and before a list ends; the last one is kept across restarts' }),
  'crl-stale': z.enum(['refuse', 'accept']).default('refuse').meta({ title: 'Stale lists', description: 'What a list counts beyond its next update: nothing, and the login is refused, or as much as before' }),
  ocsp: z.enum(['off', 'soft', 'hard']).default('off').meta({ title: 'OCSP', description: 'Ask the responder of each certificate; soft: one that gives no answer is passed over, hard: the login is refused' }),
  'ocsp-url': httpUrl().optional().meta({ title: 'OCSP responder', description: 'Instead of the one that the certificate names' }),
  'user-from': nameSource().default({ part: 'subject', field: 'CN' }).meta({ title: 'User', description: 'subject:CN, subject:UID, san:email, san:upn ...' }),
  'second-ca': files().default([]).meta({ title: 'Authorities of second certificates', description: 'PEM, for the step multiple-certificate; none: the same as of the first' }),
  'second-user-from': nameSource().optional().meta({ title: 'User in the second certificate', description: 'Absent: as user-from' }),
  'user-of': z.enum(['both', 'first', 'second']).default('both').meta({ title: 'Which of two certificates names the user', description: 'both: they must name the same' }),
  'group-from': nameSource().optional().meta({ title: 'Groups', description: 'subject:OU, san:uri ...; absent: those of the local user of that name' }),
})
export type AuthCertificateConfig = z.infer<typeof AuthCertificateConfig>
