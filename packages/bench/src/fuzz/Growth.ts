/**
 * How the work grows with the input: hostile shapes, the same piece over and over, at a size and at twice the size. Linear
 * work doubles; quadratic work becomes four times as much.
 */
import { Random } from "./Random.ts"
import type { Target } from "./Target.ts"

/** A family of inputs: a beginning, a piece that is repeated, an end. */
export interface Shape {
  readonly prefix: string
  readonly piece: string
  readonly suffix: string
}

/** The member of a family of about that length. */
export const at = ({ piece, prefix, suffix }: Shape, length: number): string =>
  prefix + piece.repeat(Math.ceil(length / piece.length)) + suffix

const narrow = (target: Target, text: string): string =>
  target.reads === "text" ? text : Buffer.from(text, /[^\0-\xff]/.test(text) ? "utf8" : "latin1").toString("latin1")

const shapeOf = (target: Target, random: Random): Shape => {
  const token = () => narrow(target, random.pick(target.tokens))
  const seed = narrow(target, random.pick(target.seeds))
  const cut = random.below(seed.length + 1)
  const framed = random.once(2)
  return {
    prefix: framed ? seed.slice(0, cut) : "",
    piece: `${token()}${random.once(2) ? token() : ""}${random.once(4) ? token() : ""}`,
    suffix: framed ? seed.slice(cut) : ""
  }
}

/** So many shapes for a target: first each of its tokens alone, then chance. */
export const shapes = (target: Target, seed: number, count: number): ReadonlyArray<Shape> =>
  Array.from({ length: count }, (_, i) => {
    const token = target.tokens[i]
    return token === undefined
      ? shapeOf(target, new Random(seed, `${target.name} shape`, i))
      : { prefix: "", piece: narrow(target, token), suffix: "" }
  })

/** What a doubling of the input cost, with one shape and one way of feeding it. */
export interface Grown {
  readonly target: string
  readonly way: string
  readonly shape: Shape
  /** The largest length that was tried. */
  readonly length: number
  /** How much more work it was for each doubling: 2 is linear. */
  readonly ratio: number
}

/** A way to feed a target, with its name. */
export type Way = readonly [name: string, run: (input: string) => unknown]

/** The ways in which the input of a target can grow. */
export const ways = (target: Target): ReadonlyArray<Way> => Object.entries(target.grow ?? {})

const cpuMillis = (work: () => unknown): number => {
  const before = process.cpuUsage()
  work()
  const { system, user } = process.cpuUsage(before)
  return (user + system) / 1000
}

// Noise only ever adds.
const best = (times: number, work: () => unknown): number =>
  Math.min(...Array.from({ length: times }, () => cpuMillis(work)))

const longest = 262_144
const enoughMillis = 25

const doublings = 4

const compare = (run: Way[1], shape: Shape, length: number, times: number): number => {
  const [small, large] = [at(shape, length >> doublings), at(shape, length)]
  const before = Math.max(
    best(times, () => run(small)),
    0.05
  )
  return (best(times, () => run(large)) / before) ** (1 / doublings)
}

/**
 * Times a shape on the processor, up to a length that takes long enough to be told from noise, against a sixteenth of that
 * length. What looks steeper than linear is measured again.
 */
export const time = (target: Target, [way, run]: Way, shape: Shape): Grown => {
  let length = 4096
  while (length < longest && cpuMillis(() => run(at(shape, length))) < enoughMillis) length *= 4
  const first = compare(run, shape, length, 2)
  const ratio = first > steep.time ? Math.min(first, compare(run, shape, length, 5)) : first
  return { target: target.name, way, shape, length, ratio }
}

/** Ratios from which on work is not linear: counted work has no noise, times suffer from memory that does not fit caches. */
export const steep = { count: 2.2, time: 3 } as const
