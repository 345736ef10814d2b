import type { ColumnDefinition, CommandDefinition, CommandResult } from '../../core/api.ts'
import { painter } from './paint.ts'
import { printableLines } from './printable.ts'
import { renderStatus } from './status-view.ts'
import { renderRecord, renderTable } from './table.ts'

export interface Screen {
  readonly json: boolean
  readonly colored: boolean
  readonly width: number | undefined
}

// Counters of the data plane are bigint; they stay far below 2^53.
const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value)
export const asJson = (data: unknown): string => `${JSON.stringify(data ?? null, plain, 2)}\n`

/** What a command's result looks like on standard output. */
export function present(definition: CommandDefinition, { data, text, picture }: CommandResult, screen: Screen): string {
  if (screen.json) return asJson(data)
  const paint = painter(screen.colored)
  const drawn = picture === undefined || screen.width === undefined ? '' : printableLines(picture)
  const said = drawn + (text === undefined || text === '' ? '' : printableLines(text.endsWith('\n') ? text : `${text}\n`))
  if (definition.path === 'status') {
    const status = renderStatus(data, paint)
    if (status !== undefined) return status
  }
  if (Array.isArray(data)) {
    if (data.length === 0) return said || `no ${definition.path.split(' ')[0]}s\n`
    return definition.columns ? renderTable(definition.columns, data, screen.width, paint) + said : said || asJson(data)
  }
  if (typeof data !== 'object' || data === null) return said
  if (definition.columns) return renderRecord(definition.columns, data, paint) + said
  return said || renderRecord(columnsOf(data), data, paint)
}

const columnsOf = (record: object): readonly ColumnDefinition[] => Object.keys(record).map((key) => ({ key, title: key }))
