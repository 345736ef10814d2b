import { valueOptions, type CompletionNode } from './completion-tree.ts'

/** In single quotes, with the colon of `_describe` escaped. */
const item = (name: string, summary: string): string => `'${name.replaceAll(':', '\\:')}:${summary.replaceAll("'", "'\\''")}'`

/** For zsh, as a function of its own completion system. */
export function zshScript(tree: readonly CompletionNode[]): string {
  const root = tree.find(({ path }) => path === '')
  const items = (list: CompletionNode['words'] | CompletionNode['options']): string => list.map(({ name, summary }) => item(name, summary)).join(' ')
  const cases = tree.map(({ path, words, options }) => `    '${path}') commands=(${items(words)}); choices=(${path === '' ? '' : items(options)}) ;;`)
  return `#compdef postern
# Completion of postern: put it as _postern into a folder of $fpath, or source it after compinit
_postern() {
  local at='' next='' word
  local -i i
  local -a commands choices
  case $words[CURRENT-1] in
    --config) _files; return ;;
    --data-dir) _files -/; return ;;
    ${valueOptions(tree).join('|')}) return ;;
  esac
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    case $word in
      ${valueOptions(tree).join('|')}) i=$((i + 1)) ;;
      -*) ;;
      *)
        next="\${at:+$at }$word"
        case $next in
          ${tree.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`).join('|')}) at=$next ;;
        esac
        ;;
    esac
  done
  case $at in
${cases.join('\n')}
  esac
  choices+=(${items(root?.options ?? [])})
  if [[ $words[CURRENT] == -* ]]; then
    _describe option choices
  else
    _describe command commands
  fi
}
if [[ $funcstack[1] == _postern ]]; then
  _postern "$@"
else
  compdef _postern postern
fi
`
}
