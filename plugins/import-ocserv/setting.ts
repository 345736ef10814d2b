/** A value of postern.toml before it is text. */
export type Written = string | number | boolean | readonly string[] | readonly (readonly string[])[]

/** Keys of one table of postern.toml, in the order in which they are written. */
export type Table = Map<string, Written>
