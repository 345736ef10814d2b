import type { CommandDefinition } from '../../core/api.ts'
import { bashScript } from './completion-bash.ts'
import { fishScript } from './completion-fish.ts'
import { completionTree } from './completion-tree.ts'
import { zshScript } from './completion-zsh.ts'

export function completionScript(shell: string, definitions: readonly CommandDefinition[]): string {
  const tree = completionTree(definitions)
  if (shell === 'fish') return fishScript(tree)
  return shell === 'zsh' ? zshScript(tree) : bashScript(tree)
}
