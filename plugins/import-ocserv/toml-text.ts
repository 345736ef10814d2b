import type { Written } from './setting.ts'
import type { Section } from './translate.ts'

const WIDE = 100

/** postern.toml: the sections in their order, the same bytes for the same settings. */
export function tomlText(sections: readonly Section[], head: readonly string[]): string {
  const blocks = sections.map(({ path, table }) => [`[${path.map(keyText).join('.')}]`, ...[...table].map(([key, value]) => `${keyText(key)} = ${valueText(value)}`)].join('\n'))
  return [...head.map((line) => `# ${line}`), '', blocks.join('\n\n'), ''].join('\n')
}

const keyText = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : stringText(key))

// A JSON string is a TOML one but for the delete character.
const stringText = (text: string): string => JSON.stringify(text).replaceAll('\x7f', '\\u007f')

function valueText(value: Written): string {
  if (typeof value === 'string') return stringText(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const items = value.map((item) => (typeof item === 'string' ? stringText(item) : valueText(item)))
  const line = `[${items.join(', ')}]`
  return line.length <= WIDE ? line : `[\n${items.map((item) => `  ${item},`).join('\n')}\n]`
}
