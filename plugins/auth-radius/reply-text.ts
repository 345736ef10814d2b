import { valuesOf, type Found } from './attributes.ts'

const MAX_LINES = 20
const MAX_TEXT = 1000

/** Every Reply-Message of an answer, for people: joined, printable, at most 1000 characters; undefined without one. */
export function replyText(found: readonly Found[]): string | undefined {
  const lines = valuesOf(found, 'Reply-Message').join('\n').split(/\r\n|[\r\n]/).map((line) => line.replace(/\p{C}/gu, '').trim()).filter((line) => line !== '')
  const text = lines.slice(0, MAX_LINES).join('\n').slice(0, MAX_TEXT)
  return text === '' ? undefined : text.replace(/[\uD800-\uDBFF]$/, '')
}
