/** One form of a login as Cisco's clients take it apart (reference/cisco section 2.1, reference/protocol section 3.2). */
export interface AuthForm {
  readonly id: string
  readonly message: string
  /** Of `<error id="88">`; undefined: none. */
  readonly error: string | undefined
  /** As it has to come back. */
  readonly opaque: string
  readonly handle: string
  readonly action: string
  readonly inputs: readonly { readonly type: string; readonly name: string; readonly label: string | undefined }[]
}

const IDS: ReadonlySet<string> = new Set(['main', 'challenge', 'passwd'])
/** In this order, each at most once; the form is there always. */
const IN_AUTH = ['title', 'message', 'banner', 'error', 'form']
/** Clients call all of these `password` in the answer. */
const RENAMED: ReadonlySet<string> = new Set(['password', 'answer', 'whichpin', 'new_password'])

const attribute = (tag: string, name: string): string | undefined => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]
const plain = (text: string): string => text.replace(/&#x([0-9A-Fa-f]+);/g, (_, hex: string) => String.fromCodePoint(parseInt(hex, 16))).replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')

/** Throws with what would make a client give up. */
export function readAuthForm(body: string): AuthForm {
  const must = <T>(value: T | undefined | false, what: string): T => {
    if (value === undefined || value === false) throw new Error(`${what}: ${body}`)
    return value
  }
  const [, root = ''] = must(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n<config-auth client="vpn" type="auth-request" aggregate-auth-version="2">([^]*)<\/config-auth>\s*$/.exec(body) ?? undefined, 'no auth-request')
  const [, opaque = '', handle = '', id = '', inside = ''] = must(
    /^\s*(<opaque is-for="sg">[^]*?<aggauth-handle>([^<]+)<\/aggauth-handle>[^]*?<\/opaque>)\s*<auth id="([^"]*)">([^]*)<\/auth>\s*$/.exec(root) ?? undefined, 'not an opaque and behind it one auth',
  )
  must(IDS.has(id), `a form of the id ${id}`)
  const children = [...inside.replace(/<form\b[^]*<\/form>/, '<form></form>').matchAll(/<([a-z][\w-]*)\b[^>]*>[^<]*<\/\1>/g)].map(([, name = '']) => name).filter((name) => !name.startsWith('sso-'))
  must(children.includes('form') && children.every((name, index) => IN_AUTH.indexOf(name) > IN_AUTH.indexOf(children[index - 1] ?? '')), `the order ${children.join(', ')}`)
  const [, tag = '', fields = ''] = must(/(<form\b[^>]*>)([^]*)<\/form>/.exec(inside) ?? undefined, 'no form')
  must(attribute(tag, 'method') === 'post', 'a form without method')
  const inputs = [...fields.matchAll(/<input\b[^>]*>/g)].map(([input]) => ({ type: attribute(input, 'type') ?? '', name: attribute(input, 'name') ?? '', label: attribute(input, 'label') }))
  must(inputs.filter(({ name }) => RENAMED.has(name)).length <= 1, 'two inputs that come back under one name')
  must(inputs.every(({ type, name, label }) => name !== '' && ['text', 'password', 'hidden', 'sso'].includes(type) && (label !== undefined || type === 'hidden' || type === 'sso')), 'an input without name, type or label')
  return {
    id, opaque, handle, inputs, action: must(attribute(tag, 'action'), 'a form without action'), message: plain(/<message>([^]*?)<\/message>/.exec(inside)?.[1] ?? ''),
    error: attribute(/<error id="88"[^>]*>%s<\/error>/.exec(inside)?.[0] ?? '', 'param1'),
  }
}

/** Elements of the answer: what is typed, under the names that clients give them. */
export const answerTo = ({ inputs }: AuthForm, typed: readonly string[]): readonly (readonly [name: string, value: string])[] =>
  inputs.map(({ name }, index) => [RENAMED.has(name) ? 'password' : name, typed[index] ?? ''])
