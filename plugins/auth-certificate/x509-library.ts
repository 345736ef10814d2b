import type * as X509 from '@peculiar/x509'
import { library } from '../../core/api.ts'

export type { X509Certificate } from '@peculiar/x509'
export const x509 = library<typeof X509>('@peculiar/x509')
