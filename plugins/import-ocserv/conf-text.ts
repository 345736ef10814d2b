import { ConfigError, decodeText } from '../../core/api.ts'

/** One `name = value` of ocserv.conf or of a user's or group's file. */
export interface Entry {
  readonly name: string
  /** Without the blanks and double quotes around it, as ocserv trims them. */
  readonly value: string
  readonly file: string
  readonly line: number
}
export interface ConfSection {
  /** Name of the virtual host; undefined: before the first section. */
  readonly host: string | undefined
  readonly line: number
  readonly entries: readonly Entry[]
}
export interface ConfText {
  readonly file: string
  readonly sections: readonly ConfSection[]
  /** Sections that ocserv skips, with what stands in them. */
  readonly skipped: readonly { readonly name: string; readonly line: number }[]
}

/** Bytes of one file; the largest that people have are a few hundred routes. */
export const CONF_LIMIT = 1024 * 1024
/** Lines with a setting, in one file. */
export const ENTRY_LIMIT = 20_000
const HOST = /^vhost:\s*(.+)$/
// Whatever is neither text nor a tab.
const BINARY = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/

/**
 * Reads a file as ocserv does (reference ocserv-conf B.0, and ocserv 1.1.6 measured): `#` and `;` open a comment at the
 * start of a line, ` ;` one inside it, `=` or `:` stands behind the name, an indented line goes on with the name before.
 * Throws ConfigError for what ocserv does not read either, and for what is no text.
 */
export function parseConf(bytes: Uint8Array, file: string): ConfText {
  if (bytes.length > CONF_LIMIT) throw new ConfigError(`is ${bytes.length} bytes; at most ${CONF_LIMIT} are read`, { file })
  const reader = new ConfReader(file)
  textOf(bytes, file).split('\n').forEach((line, at) => reader.line(line, at + 1))
  return reader.result()
}

function textOf(bytes: Uint8Array, file: string): string {
  const lines = decodeText(bytes, file).replaceAll('\r\n', '\n')
  const binary = BINARY.exec(lines)
  if (binary) throw new ConfigError('holds control characters: it is no configuration', { file, line: lines.slice(0, binary.index).split('\n').length })
  return lines
}

class ConfReader {
  private host: string | undefined
  private sectionLine = 0
  private entries: Entry[] = []
  private skipping = false
  private name: string | undefined
  private count = 0
  private readonly sections: ConfSection[] = []
  private readonly skipped: { name: string; line: number }[] = []

  constructor(private readonly file: string) {}

  line(raw: string, line: number): void {
    const text = raw.trim()
    if (text === '' || text.startsWith('#') || text.startsWith(';')) return
    if (/^\s/.test(raw) && this.name !== undefined) return this.entry(this.name, text, line)
    if (text.startsWith('[')) return this.section(text, line)
    const match = /^([^=:]*?)\s*[=:](.*)$/s.exec(text)
    if (!match) throw new ConfigError('a line without "=": ocserv does not read it either', { file: this.file, line })
    this.name = (match[1] ?? '').slice(0, 100)
    this.entry(this.name, match[2] ?? '', line)
  }

  result(): ConfText {
    this.close()
    return { file: this.file, sections: this.sections, skipped: this.skipped }
  }

  private entry(name: string, value: string, line: number): void {
    if (this.skipping) return
    if (++this.count > ENTRY_LIMIT) throw new ConfigError(`more than ${ENTRY_LIMIT} settings`, { file: this.file, line })
    this.entries.push({ name, value: value.replace(/\s;.*$/s, '').replace(/^[\s"]+|[\s"]+$/g, ''), file: this.file, line })
  }

  private section(text: string, line: number): void {
    const name = /^\[([^\]]*)\]/.exec(text)?.[1]?.trim()
    if (name === undefined) throw new ConfigError('a section without "]"', { file: this.file, line })
    this.close()
    this.name = undefined
    this.host = HOST.exec(name)?.[1]
    this.skipping = this.host === undefined
    this.sectionLine = line
    if (this.skipping) this.skipped.push({ name, line })
  }

  private close(): void {
    if (!this.skipping) this.sections.push({ host: this.host, line: this.sectionLine, entries: this.entries })
    this.entries = []
  }
}
