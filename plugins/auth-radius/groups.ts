import { valuesOf, type Found } from './attributes.ts'
import type { AuthRadiusConfig } from './config.ts'

const MAX_GROUPS = 32
const MAX_NAME = 64

/**
 * Groups that the server names, in order: `OU=staff;partners`, `staff`. A bare text counts only where a group has that name, because
 * servers put notes of their own into Class; with `OU=` it is an order, and an unknown group is one that the user is not let into.
 */
export function groupsOf(found: readonly Found[], from: AuthRadiusConfig['group-from'], exists: (name: string) => boolean): readonly string[] {
  const texts =
    from === 'class' ? valuesOf(found, 'Class').map((bytes) => bytes.toString('utf8'))
    : from === 'filter-id' ? valuesOf(found, 'Filter-Id')
    : from === 'asa-group-policy' ? valuesOf(found, 'ASA-Group-Policy')
    : []
  const names = texts.flatMap((text) => {
    const ordered = /^OU=/i.test(text)
    return text.split(';').map((part) => part.trim().replace(/^OU=/i, '')).filter((name) => name !== '' && name.length <= MAX_NAME && !/\p{C}/u.test(name) && (ordered || exists(name)))
  })
  return [...new Set(names)].slice(0, MAX_GROUPS)
}
