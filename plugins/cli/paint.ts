export type Color = 'bold' | 'dim' | 'red' | 'green' | 'yellow'
export type Paint = (color: Color, text: string) => string

const CODES: Record<Color, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 }

export const painter = (colored: boolean): Paint => (colored ? (color, text) => (text === '' ? '' : `\x1b[${CODES[color]}m${text}\x1b[0m`) : (_color, text) => text)
