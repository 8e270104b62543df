/** A binary heap of items with a time: the earliest first, of equals the one that was added first. */
export interface Heap<A> {
  readonly push: (at: number, item: A) => void
  readonly pop: () => { readonly at: number; readonly item: A } | undefined
}

interface Entry<A> {
  readonly at: number
  readonly order: number
  readonly item: A
}

export const make = <A>(): Heap<A> => {
  const entries: Array<Entry<A>> = []
  let order = 0
  return {
    push: (at, item) => {
      entries.push({ at, order: order++, item })
      rise(entries)
    },
    pop: () => {
      const first = entries[0]
      const last = entries.pop()
      if (first === undefined || last === undefined || first === last) return first
      entries[0] = last
      sink(entries, last)
      return first
    }
  }
}

const isBefore = <A>(a: Entry<A>, b: Entry<A>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

// Takes the last entry up to its place.
const rise = <A>(entries: Array<Entry<A>>): void => {
  let index = entries.length - 1
  const entry = entries[index]
  while (entry !== undefined && index > 0) {
    const above = (index - 1) >> 1
    const parent = entries[above]
    if (parent === undefined || !isBefore(entry, parent)) return
    entries[index] = parent
    entries[above] = entry
    index = above
  }
}

// Takes the first entry down to its place.
const sink = <A>(entries: Array<Entry<A>>, entry: Entry<A>): void => {
  let index = 0
  while (true) {
    const left = entries[2 * index + 1]
    const right = entries[2 * index + 2]
    if (left === undefined) return
    const isRight = right !== undefined && isBefore(right, left)
    const child = isRight ? right : left
    if (!isBefore(child, entry)) return
    entries[index] = child
    index = 2 * index + (isRight ? 2 : 1)
    entries[index] = entry
  }
}
