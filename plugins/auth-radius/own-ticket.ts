import { readTicket, type Ticket } from './ticket.ts'

const SOURCE = 'radius'

/** The ticket of this plugin, alone or among those of a chain, which stand in a JSON object by the back-end's name; undefined: it left none. */
export function ownTicket(text: string | undefined): Ticket | undefined {
  const alone = readTicket(text)
  if (alone || !text?.startsWith('{')) return alone
  try {
    const own = (JSON.parse(text) as Record<string, unknown>)[SOURCE]
    return typeof own === 'string' ? readTicket(own) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
