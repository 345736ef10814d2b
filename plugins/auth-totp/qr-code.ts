import type * as QrCode from 'qrcode'
import { library } from '../../core/api.ts'

const qrcode = library<typeof QrCode>('qrcode')

/** Modules of light around the code, without which phones do not find it (ISO 18004 section 9.1). */
const QUIET = 4

/** Dark modules by row and column, with the quiet zone. */
function modulesOf(text: string): { readonly size: number; dark(row: number, column: number): boolean } {
  const { modules } = qrcode().create(text, { errorCorrectionLevel: 'M' })
  const size = modules.size + 2 * QUIET
  const inside = (at: number): boolean => at >= QUIET && at < size - QUIET
  return { size, dark: (row, column) => inside(row) && inside(column) && modules.get(row - QUIET, column - QUIET) !== 0 }
}

/** Two rows of modules in one line of text: light ones are drawn, as terminals are dark. */
export function qrText(text: string): string {
  const { size, dark } = modulesOf(text)
  const lines: string[] = []
  for (let row = 0; row < size; row += 2) {
    let line = ''
    for (let column = 0; column < size; column++) line += ' ▄▀█'.charAt((dark(row, column) ? 0 : 2) + (dark(row + 1, column) ? 0 : 1))
    lines.push(line)
  }
  return `${lines.join('\n')}\n`
}

/** An SVG element of its own, dark on light whatever the page looks like. */
export function qrSvg(text: string, label: string): string {
  const { size, dark } = modulesOf(text)
  let path = ''
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) if (dark(row, column)) path += `M${column} ${row}h1v1h-1z`
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" role="img" aria-label="${label}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path fill="#000" d="${path}"/></svg>`
}
