import type * as Ldapts from 'ldapts'
import { library } from '../../core/api.ts'

export type { Client, Control, Entry, Filter } from 'ldapts'
export const ldapts = library<typeof Ldapts>('ldapts')
