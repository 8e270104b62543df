/**
 * Chance that can be had again: the numbers that follow from a seed, the name of a target and the index of an input, so
 * that any input can be made without those before it.
 */

const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

/** A sequence of numbers (the generator sfc32). */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number, target: string, index: number) {
    this.#a = seed | 0
    this.#b = hash(target) | 0
    this.#c = index | 0
    for (let i = 0; i < 12; i++) this.next()
  }

  /** The next number of 32 bits. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** A whole number from 0 to below `end`; 0 when there is none. */
  below(end: number): number {
    return end < 1 ? 0 : this.next() % end
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  /** One of the values, which must not be empty. */
  pick<A>(values: ReadonlyArray<A>): A {
    // The index is below the length.
    return values[this.below(values.length)] as A
  }

  /** Some of the values, in order. */
  some<A>(values: ReadonlyArray<A>): ReadonlyArray<A> {
    const mask = this.next()
    return values.filter((_, i) => ((mask >>> (i % 32)) & 1) === 1)
  }
}
