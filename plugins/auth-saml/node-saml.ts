import type * as NodeSaml from '@node-saml/node-saml'
import { library } from '../../core/api.ts'

export type { SamlConfig } from '@node-saml/node-saml'
export const nodeSaml = library<typeof NodeSaml>('@node-saml/node-saml')
