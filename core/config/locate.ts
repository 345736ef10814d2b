/** Where each key of a TOML text stands. The parser gives values without positions, this gives positions without values. */
export interface Position {
  /** Both from 1. */
  readonly line: number
  readonly column: number
}
export type Path = readonly (string | number)[]

interface Node {
  /** Offset of the key, or of the table's header. */
  key: number
  /** Offset of the value; of an implicit table, of its key. */
  value: number
  readonly children: Map<string, Node>
  /** Tables of a `[[name]]` so far. */
  tables: number
}

export class Locations {
  private readonly lines: number[] = [0]
  constructor(text: string, private readonly root: Node) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.lines.push(at + 1)
  }
  /** The key itself, or the nearest table above it that is in the text. */
  key(path: Path): Position {
    return this.position(this.nearest(path).key)
  }
  value(path: Path): Position {
    return this.position(this.nearest(path).value)
  }
  private nearest(path: Path): Node {
    let node = this.root
    for (const part of path) {
      const next = node.children.get(String(part))
      if (!next) return node
      node = next
    }
    return node
  }
  private position(offset: number): Position {
    let low = 0
    let high = this.lines.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.lines[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (this.lines[low] ?? 0) + 1 }
  }
}

/** The text should have parsed before; on any other it ends too, with whatever it could place. */
export const locate = (text: string): Locations => new Locations(text, new Scanner(text).scan())

const DEPTH = 600

class Scanner {
  private at = 0
  private readonly root: Node = { key: 0, value: 0, children: new Map(), tables: 0 }
  constructor(private readonly text: string) {}

  scan(): Node {
    let table = this.root
    for (;;) {
      this.blank()
      if (this.at >= this.text.length) return this.root
      const start = this.at
      if (this.text[this.at] === '[') table = this.header()
      else this.assignment(table, 0)
      if (this.at === start) this.at++
    }
  }

  private header(): Node {
    const start = this.at
    const array = this.text.startsWith('[[', this.at)
    this.at += array ? 2 : 1
    const keys = this.dotted()
    this.at = this.endOfLine()
    let node = this.root
    keys.forEach(({ name }, index) => {
      node = this.child(node, name, start, start)
      const last = index === keys.length - 1
      if (last && array) node = this.child(node, String(node.tables++), start, start)
      else if (node.tables > 0) node = this.child(node, String(node.tables - 1), start, start)
      else if (last) node.key = node.value = start
    })
    return node
  }

  private assignment(table: Node, depth: number): void {
    const keys = this.dotted()
    this.space()
    if (keys.length === 0 || this.text[this.at] !== '=') {
      this.at = this.endOfLine()
      return
    }
    this.at++
    this.space()
    let node = table
    for (const { name, start } of keys) node = this.child(node, name, start, start)
    node.value = this.at
    this.value(node, depth)
  }

  private value(node: Node, depth: number): void {
    const first = this.text[this.at]
    if (first === '"' || first === "'") this.string(first)
    else if (first === '[' && depth < DEPTH) this.list(node, depth)
    else if (first === '{' && depth < DEPTH) this.inlineTable(node, depth)
    else while (this.at < this.text.length && !/[,\]}#\r\n]/.test(this.text[this.at] ?? '')) this.at++
  }

  private list(node: Node, depth: number): void {
    this.at++
    for (let index = 0; ; index++) {
      this.separators()
      if (this.at >= this.text.length) return
      if (this.text[this.at] === ']') return void this.at++
      const start = this.at
      this.value(this.child(node, String(index), start, start), depth + 1)
      if (this.at === start) this.at++
    }
  }

  private inlineTable(node: Node, depth: number): void {
    this.at++
    for (;;) {
      this.separators()
      if (this.at >= this.text.length) return
      if (this.text[this.at] === '}') return void this.at++
      const start = this.at
      this.assignment(node, depth + 1)
      if (this.at === start) this.at++
    }
  }

  private string(mark: '"' | "'"): void {
    const long = this.text.startsWith(mark.repeat(3), this.at)
    const end = long ? mark.repeat(3) : mark
    this.at += end.length
    while (this.at < this.text.length && !this.text.startsWith(end, this.at)) this.at += mark === '"' && this.text[this.at] === '\\' ? 2 : 1
    this.at += end.length
    // Up to two more marks belong to the value of a long string.
    for (let extra = 0; long && extra < 2 && this.text[this.at] === mark; extra++) this.at++
  }

  private dotted(): { readonly name: string; readonly start: number }[] {
    const keys = []
    for (;;) {
      this.space()
      const start = this.at
      const mark = this.text[this.at]
      if (mark === '"' || mark === "'") this.string(mark)
      else while (/[A-Za-z0-9_-]/.test(this.text[this.at] ?? '')) this.at++
      if (this.at === start) return keys
      keys.push({ name: keyName(this.text.slice(start, this.at)), start })
      this.space()
      if (this.text[this.at] !== '.') return keys
      this.at++
    }
  }

  private child(parent: Node, name: string, key: number, value: number): Node {
    let node = parent.children.get(name)
    if (!node) parent.children.set(name, (node = { key, value, children: new Map(), tables: 0 }))
    return node
  }

  private space(): void {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at++
  }
  private blank(): void {
    for (;;) {
      while (/[ \t\r\n]/.test(this.text[this.at] ?? '')) this.at++
      if (this.text[this.at] !== '#') return
      this.at = this.endOfLine()
    }
  }
  private separators(): void {
    do this.blank()
    while (this.text[this.at] === ',' && ++this.at)
  }
  private endOfLine(): number {
    const end = this.text.indexOf('\n', this.at)
    return end < 0 ? this.text.length : end
  }
}

/** The text of a quoted key; TOML's escapes in a key that JSON does not know leave it as written. */
function keyName(written: string): string {
  if (written.startsWith("'")) return written.slice(1, -1)
  if (!written.startsWith('"')) return written
  try {
    return String(JSON.parse(written))
  } catch (error) {
    if (error instanceof SyntaxError) return written.slice(1, -1)
    throw error
  }
}
