import { test } from 'uvu'
import * as assert from 'uvu/assert'
import ts from 'typescript'
import { filesBelow, read } from './source.ts'

/** Constructor parameters of `@injectable` classes that carry no `@inject`: silently undefined under esbuild. */
export function parametersWithoutToken(file: string, text: string): string[] {
  const found: string[] = []
  const decorators = (node: ts.HasDecorators): string[] => (ts.getDecorators(node) ?? []).map((decorator) => decorator.expression.getText())
  const visit = (node: ts.Node): void => {
    if (ts.isClassDeclaration(node) && decorators(node).some((name) => name.startsWith('injectable'))) {
      for (const member of node.members) {
        if (!ts.isConstructorDeclaration(member)) continue
        for (const parameter of member.parameters) {
          if (!decorators(parameter).some((name) => name.startsWith('inject('))) found.push(`${file}: ${node.name?.text ?? '?'}(${parameter.name.getText()})`)
        }
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true))
  return found
}

test('every injected parameter names its token', () => {
  const files = filesBelow(['core', 'plugins'], '.ts')
  assert.equal(files.flatMap((file) => parametersWithoutToken(file, read(file))), [])
})

test('a parameter without a token is found', () => {
  const text = '@injectable()\nclass A { constructor(@inject(X) private x: X, private y: Y) {} }'
  assert.equal(parametersWithoutToken('a.ts', text), ['a.ts: A(y)'])
})

test.run()
