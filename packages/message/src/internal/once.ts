/** A value that is made when it is first asked for, and only then. */

/** Gives what `make` gave the first time. */
export const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
