import type { CommandDefinition } from '../../core/api.ts'
import { GLOBAL_OPTIONS, optionsOf, OWN_COMMANDS, SHELLS } from './program.ts'

/** What may follow the words of `path`. */
export interface CompletionNode {
  /** Empty for `postern` itself. */
  readonly path: string
  readonly words: readonly { readonly name: string; readonly summary: string }[]
  readonly options: readonly { readonly name: string; readonly summary: string; readonly takesValue: boolean }[]
}

/** The tree of words; options of `postern` itself are those of the node with the empty path. */
export function completionTree(definitions: readonly CommandDefinition[]): readonly CompletionNode[] {
  const nodes = new Map<string, { words: Map<string, string>; options: CompletionNode['options'] }>()
  const node = (path: string) => {
    let found = nodes.get(path)
    if (!found) nodes.set(path, (found = { words: new Map(), options: [] }))
    return found
  }
  const optionList = (options: ReturnType<typeof optionsOf>): CompletionNode['options'] => options.map(({ name, description, type }) => ({ name: `--${name}`, summary: description, takesValue: type !== 'flag' }))
  node('').options = [...optionList(GLOBAL_OPTIONS), { name: '--help', summary: 'print help', takesValue: false }]
  for (const { path, summary } of [...OWN_COMMANDS, ...definitions]) {
    const words = path.split(' ')
    words.forEach((word, at) => {
      const below = node(words.slice(0, at).join(' ')).words
      if (at === words.length - 1 || !below.has(word)) below.set(word, at === words.length - 1 ? summary : `${word} commands`)
    })
    node(path)
  }
  for (const definition of definitions) node(definition.path).options = optionList(optionsOf(definition))
  for (const shell of SHELLS) node('completion').words.set(shell, `for ${shell}`)
  node('').words.set('help', 'print the help of a command')
  return [...nodes].map(([path, { words, options }]) => ({ path, words: [...words].map(([name, summary]) => ({ name, summary })), options }))
}

/** Options that take a value, whichever command has them. */
export const valueOptions = (tree: readonly CompletionNode[]): string[] =>
  [...new Set(tree.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue).map(({ name }) => name)))]
