/** `plain[passwd=F,otp=F]`, and the older `plain[/file]`. */
export interface AuthMethod {
  readonly name: string
  readonly options: ReadonlyMap<string, string>
}

/** Undefined: not a method. */
export function parseAuthMethod(value: string): AuthMethod | undefined {
  const match = /^([a-z]+)\s*(?:\[(.*)\])?$/s.exec(value.trim())
  if (!match) return undefined
  const [, name = '', inner = ''] = match
  const parts = inner.split(',').map((part) => part.trim()).filter((part) => part !== '')
  const options = new Map(parts.map((part, at): [string, string] => {
    const equals = part.indexOf('=')
    if (equals > 0) return [part.slice(0, equals).trim(), part.slice(equals + 1).replace(/^[\s"]+|[\s"]+$/g, '')]
    return [at === 0 ? (name === 'plain' ? 'passwd' : 'config') : part, part]
  }))
  return { name, options }
}
