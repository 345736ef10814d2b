import type { MetricSource } from './slots.ts'

/** What a plugin has counted since it began, by name; `overTcp` is the metric `postern_PLUGIN_over_tcp_total`. `help`: for each counter. */
export class NamedCounters<Name extends string> implements MetricSource {
  readonly values: Record<Name, number>

  constructor(private readonly plugin: string, private readonly help: Readonly<Record<Name, string>>) {
    this.values = Object.fromEntries(Object.keys(help).map((name) => [name, 0])) as Record<Name, number>
  }

  collect(): ReturnType<MetricSource['collect']> {
    return (Object.entries(this.help) as [Name, string][]).map(([name, help]) => ({
      name: `postern_${this.plugin}_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`, help, type: 'counter', value: this.values[name],
    }))
  }
}
