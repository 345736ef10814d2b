import type { SideName } from './rig.ts'
import { spread, type Spread } from './statistics.ts'

/** Figures of both sides by name, gathered over the rounds. */
export class Samples<Figure extends string> {
  readonly #values = new Map<string, number[]>()

  add(side: SideName, figure: Figure, value: number): void {
    const key = `${side} ${figure}`
    this.#values.set(key, [...(this.#values.get(key) ?? []), value])
  }

  of(side: SideName, figure: Figure): Spread {
    return spread(this.#values.get(`${side} ${figure}`) ?? [])
  }

  both(figure: Figure): { readonly postern: Spread; readonly ocserv: Spread } {
    return { postern: this.of('postern', figure), ocserv: this.of('ocserv', figure) }
  }
}
