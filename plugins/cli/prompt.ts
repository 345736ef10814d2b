import { createInterface } from 'node:readline/promises'
import { GatewayError } from '../../core/api.ts'
import type { Terminal } from './terminal.ts'

const aborted = (): GatewayError => new GatewayError('REFUSED', 'aborted')

/** Asks for a secret twice, without echo, until both are the same. */
export async function askSecret(terminal: Terminal, name: string): Promise<string> {
  const { input } = terminal
  // Silent before the first question and until after the last: what is typed ahead must not show either.
  input.setRawMode?.(true)
  input.setEncoding('utf8')
  try {
    for (;;) {
      const first = await askHidden(terminal, `${name}: `)
      const second = await askHidden(terminal, `${name} again: `)
      if (first === second) return first
      terminal.complain('they differ, once more\n')
    }
  } finally {
    input.setRawMode?.(false)
    input.pause()
  }
}

export async function confirmed(terminal: Terminal, question: string): Promise<boolean> {
  const lines = createInterface({ input: terminal.input, output: terminal.errors })
  // Ctrl-C and Ctrl-D close the interface and would leave the question open for ever.
  const closed = new Promise<never>((_resolve, reject) => {
    lines.once('close', () => {
      terminal.complain('\n')
      reject(aborted())
    })
  })
  try {
    return /^y(es)?$/i.test((await Promise.race([lines.question(`${question} [y/N] `), closed])).trim())
  } finally {
    lines.removeAllListeners('close')
    lines.close()
  }
}

function askHidden(terminal: Terminal, question: string): Promise<string> {
  const { input } = terminal
  terminal.complain(question)
  return new Promise((resolve, reject) => {
    let line = ''
    const done = (finish: () => void): void => {
      input.off('data', take)
      input.pause()
      terminal.complain('\n')
      finish()
    }
    const take = (chunk: string | Buffer): void => {
      const keys = [...String(chunk)]
      for (const [at, key] of keys.entries()) {
        if (key === '\r' || key === '\n') {
          // What was pasted behind the line belongs to the next question.
          const rest = keys.slice(at + 1).join('')
          if (rest !== '') input.unshift(rest, 'utf8')
          return done(() => resolve(line))
        }
        if (key === '\x03' || (key === '\x04' && line === '')) return done(() => reject(aborted()))
        if (key === '\x7f' || key === '\b') line = [...line].slice(0, -1).join('')
        else if (key === '\x15') line = ''
        else if (key >= ' ') line += key
      }
    }
    input.on('data', take)
    input.resume()
  })
}
