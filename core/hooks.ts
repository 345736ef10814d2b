/** Typed extension points. `add` and `set` return a disposer; the plugin host owns it. */
export type Dispose = () => void

/** Exactly one contributor; a second `set` throws. */
export class Hook<T> {
  private current: { readonly value: T; readonly owner: string } | undefined
  constructor(readonly name: string) {}
  set(value: T, owner: string): Dispose {
    if (this.current) throw new Error(`${this.name} is already set by ${this.current.owner}`)
    const entry = { value, owner }
    this.current = entry
    return () => {
      if (this.current === entry) this.current = undefined
    }
  }
  get(): T | undefined {
    return this.current?.value
  }
}

/** Any number of contributors, in the order in which they came. */
export class Hooks<T> {
  private entries: { readonly value: T; readonly owner: string }[] = []
  constructor(readonly name: string) {}
  add(value: T, owner: string): Dispose {
    const entry = { value, owner }
    this.entries.push(entry)
    return () => {
      this.entries = this.entries.filter((other) => other !== entry)
    }
  }
  list(): readonly T[] {
    return this.entries.map((entry) => entry.value)
  }
}
