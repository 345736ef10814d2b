import { valueOptions, type CompletionNode } from './completion-tree.ts'

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** For fish: a function that says which words stand already, and one line for each word and option. */
export function fishScript(tree: readonly CompletionNode[]): string {
  const values = valueOptions(tree)
  const lines = tree.flatMap(({ path, words, options }) => {
    const condition = path === '' ? [] : ['-n', quoted(`__postern_at ${quotedWords(path)}`)]
    return [
      ...words.map(({ name, summary }) => ['complete', '-c', 'postern', '-f', '-n', quoted(`__postern_at ${quotedWords(path)}`), '-a', name, '-d', quoted(summary)].join(' ')),
      ...options.map(({ name, summary, takesValue }) => ['complete', '-c', 'postern', ...condition, '-l', name.slice(2), ...(takesValue ? (name === '--config' || name === '--data-dir' ? ['-r', '-F'] : ['-x']) : ['-f']), '-d', quoted(summary)].join(' ')),
    ]
  })
  return `# Completion of postern: put it as postern.fish into ~/.config/fish/completions
set -g __postern_paths ${tree.filter(({ path }) => path !== '').map(({ path }) => quoted(path)).join(' ')}
function __postern_at
    set -l at
    set -l skip no
    for word in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case ${values.map(quoted).join(' ')}
                set skip yes
            case '-*'
            case '*'
                set -l next (string join ' ' $at $word)
                contains -- $next $__postern_paths; and set at $next
        end
    end
    test "$at" = "$argv[1]"
end
complete -c postern -f
${lines.join('\n')}
`
}

const quotedWords = (path: string): string => `"${path}"`
