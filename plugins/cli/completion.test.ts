import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { completionScript } from './completion.ts'
import { DEFINITIONS } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'postern-completion-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const script = (shell: string): string => {
  const file = join(folder, `postern.${shell}`)
  writeFileSync(file, completionScript(shell, DEFINITIONS))
  return file
}

/** What a real bash offers behind these words; the last one is being typed. */
function bashOffers(...words: string[]): string[] {
  const line = `source '${script('bash')}'; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _postern; printf '%s\\n' "\${COMPREPLY[@]}"`
  const done = spawnSync('bash', ['--norc', '-c', line], { encoding: 'utf8', cwd: folder })
  assert.is(done.stderr, '')
  return done.stdout.split('\n').filter((one) => one !== '').sort()
}

test('bash offers the words that can follow', () => {
  assert.equal(bashOffers('postern', ''), ['audit', 'check', 'completion', 'help', 'serve', 'session', 'slow', 'status', 'user'])
  assert.equal(bashOffers('postern', 'us'), ['user'])
  assert.equal(bashOffers('postern', 'user', ''), ['add', 'list', 'remove'])
  assert.equal(bashOffers('postern', 'completion', ''), ['bash', 'fish', 'zsh'])
  assert.equal(bashOffers('postern', 'user', 'list', ''), [])
})

test('bash steps over global options and their values', () => {
  assert.equal(bashOffers('postern', '--config', 'user', '--json', 'session', 'd'), ['drop'])
  assert.equal(bashOffers('postern', '--data-dir', 'session', 'u'), ['user'])
})

test('bash offers the options of the command and the global ones', () => {
  assert.equal(bashOffers('postern', 'user', 'add', '--'), ['--config', '--data-dir', '--group', '--help', '--json', '--no-color', '--password-stdin'])
  assert.equal(bashOffers('postern', 'user', 'remove', 'alice', '--y'), ['--yes'])
  assert.equal(bashOffers('postern', 'session', 'drop', '--reason', ''), [], 'a value is not known')
})

test('bash offers files for --config', () => {
  writeFileSync(join(folder, 'some.toml'), '')
  assert.equal(bashOffers('postern', '--config', 'so'), ['some.toml'])
})

const installed = (shell: string): boolean => existsSync(`/usr/bin/${shell}`) || existsSync(`/bin/${shell}`)
for (const shell of ['zsh', 'fish']) if (!installed(shell)) process.stdout.write(`SKIP not installed: ${shell}\n`)

test('zsh reads its script', () => {
  const file = script('zsh')
  if (!installed('zsh')) return
  const done = spawnSync('zsh', ['-f', '-c', `autoload -U compinit && compinit -D -u && source ${file} && print $_comps[postern]`], { encoding: 'utf8', env: { ...process.env, HOME: folder, ZDOTDIR: folder } })
  assert.is(done.stderr, '')
  assert.is(done.stdout.trim(), '_postern')
})

test('fish offers the words that can follow', () => {
  const file = script('fish')
  if (!installed('fish')) return
  const offers = (line: string): string[] => {
    const done = spawnSync('fish', ['--no-config', '-c', `source ${file}; complete -C '${line}'`], { encoding: 'utf8', env: { ...process.env, HOME: folder } })
    assert.is(done.stderr, '')
    return done.stdout.split('\n').flatMap((one) => one.split('\t')[0] || []).sort()
  }
  assert.equal(offers('postern user '), ['add', 'list', 'remove'])
  assert.equal(offers('postern --config user --json session d'), ['drop'])
  assert.equal(offers('postern user add --gr'), ['--group'])
})

test('a summary cannot leave its quotes', () => {
  for (const shell of ['zsh', 'fish']) {
    const text = completionScript(shell, [{ path: 'x', summary: "it's; rm -rf /", where: 'local' }])
    assert.not.match(text, "'it's")
    assert.match(text, shell === 'zsh' ? "it'\\''s" : "it\\'s")
  }
})

test.run()
