import { valueOptions, type CompletionNode } from './completion-tree.ts'

const names = (list: readonly { readonly name: string }[]): string => list.map(({ name }) => name).join(' ')

/** For bash; zsh reads it too, through its own `bashcompinit`. */
export function bashScript(tree: readonly CompletionNode[]): string {
  const root = tree.find(({ path }) => path === '')
  const cases = tree.map(({ path, words, options }) => `    '${path}') words='${names(words)}' options='${names(path === '' ? [] : options)}' ;;`)
  return `# Completion of postern: source it, or put it into /usr/share/bash-completion/completions/postern
_postern() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' word next words options i
  COMPREPLY=()
  case $prev in
    --config) COMPREPLY=($(compgen -f -- "$cur")); return ;;
    --data-dir) COMPREPLY=($(compgen -d -- "$cur")); return ;;
    ${valueOptions(tree).join('|')}) return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      ${valueOptions(tree).join('|')}) i=$((i + 1)) ;;
      -*) ;;
      *)
        next="\${path:+$path }$word"
        case $next in
          ${tree.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`).join('|')}) path=$next ;;
        esac
        ;;
    esac
  done
  case $path in
${cases.join('\n')}
  esac
  case $cur in
    -*) COMPREPLY=($(compgen -W "$options ${names(root?.options ?? [])}" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
  esac
}
complete -F _postern postern
`
}
