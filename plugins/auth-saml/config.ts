import { z } from 'zod'
import { filePath } from '../../core/api.ts'

const MAX_ENTRIES = 500
const text = (description: string, max = 256) => z.string().min(1).max(max).meta({ description })

/** `https`; plain `http` on this machine alone: who can change the metadata decides who logs in. */
const metadataUrl = () =>
  z.string().max(2048).refine((url) => URL.canParse(url) && (new URL(url).protocol === 'https:' || (new URL(url).protocol === 'http:' && LOOPBACK.test(new URL(url).hostname))), 'must be an https URL such as "https://idp.example.com/metadata"')
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

const baseUrl = () =>
  z.string().max(256).refine((url) => URL.canParse(url) && new URL(url).protocol === 'https:' && new URL(url).origin === url, 'must be an https URL without a path such as "https://vpn.example.com:8443"')

/** Section `[auth-saml]`. */
export const AuthSamlConfig = z.strictObject({
  'idp-metadata-file': filePath().optional().meta({ description: 'Metadata of the identity provider' }),
  'idp-metadata-url': metadataUrl().optional().meta({ description: 'The same, fetched every six hours' }),
  'idp-entity-id': text('Which one, where the metadata has several', 1024).optional(),
  'base-url': baseUrl().optional().meta({ description: 'What browsers call the gateway' }),
  'entity-id': text('What the gateway calls itself; empty: the URL of its metadata', 1024).optional(),
  certificate: filePath().optional().meta({ description: 'For signing requests; absent: one is made in the data directory' }),
  key: filePath().optional().meta({ description: 'RSA' }),
  'user-from': text('"nameid", or the attribute that holds the user name').default('nameid'),
  'group-from': text('Attribute that holds the groups').optional(),
  'group-map': z.record(z.string().max(1024), z.string().max(256)).default({}).refine((map) => Object.keys(map).length <= MAX_ENTRIES, `may have ${MAX_ENTRIES} entries at most`).meta({ description: 'Group by the value of the attribute' }),
  attributes: z.record(z.string().max(1024), z.string().max(64)).default({}).refine((map) => Object.keys(map).length <= 50, 'may have 50 entries at most').meta({ description: 'Key of [policy] by attribute' }),
  browser: z.enum(['auto', 'embedded', 'external', 'code']).default('auto').meta({ description: 'Whose browser: the client\'s own window, that of the system, or one elsewhere' }),
  'without-browser': z.enum(['code', 'refuse']).default('code').meta({ description: 'Clients that have none get a code to type in a browser elsewhere' }),
  'force-login': z.boolean().default(false).meta({ description: 'The identity provider asks again, whatever session the browser has there' }),
}).superRefine((config, context) => {
  const refuse = (key: string, message: string): void => void context.addIssue({ code: 'custom', path: [key], message })
  const [file, url] = [config['idp-metadata-file'], config['idp-metadata-url']]
  if (file === undefined && url === undefined) refuse('idp-metadata-file', 'is missing: give idp-metadata-file or idp-metadata-url')
  if (file !== undefined && url !== undefined) refuse('idp-metadata-url', 'stands beside idp-metadata-file: give one of them')
  if ((config.certificate === undefined) !== (config.key === undefined)) refuse(config.key === undefined ? 'key' : 'certificate', 'is missing: certificate and key belong together')
})
export type AuthSamlConfig = z.infer<typeof AuthSamlConfig>
