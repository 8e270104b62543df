/** Time and chance, as rendering takes them from its surroundings. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Result from "effect/Result"
import * as Encoding from "../Encoding.ts"

/** What rendering takes from its surroundings, so that everything below is a function of its arguments. */
export interface Ambient {
  /** Milliseconds since 1970. */
  readonly now: number
  /** The next random number, at least 0 and below 1. */
  readonly random: () => number
  /** The widest encoding that may be used. */
  readonly widest: Encoding.Identity
}

const alphabet = "0123456789abcdefghijklmnopqrstuv"

// 30 random bits in six characters.
const word = (random: () => number): string => {
  const bits = Math.floor(random() * 2 ** 30)
  let out = ""
  for (let shift = 0; shift < 30; shift += 5) out += alphabet.charAt((bits >> shift) & 31)
  return out
}

/** A new token of 120 random bits, 24 characters `0-9a-v`. */
export const token = ({ random }: Pick<Ambient, "random">): string =>
  word(random) + word(random) + word(random) + word(random)

const ambientOf = (fiber: Fiber.Fiber<unknown, unknown>): Ambient => {
  const random = fiber.getRef(Random.Random)
  return {
    now: fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(),
    random: () => random.nextDoubleUnsafe(),
    widest: fiber.getRef(Encoding.CurrentWidest)
  }
}

/** What a function makes of what surrounds the running fiber. */
export const withAmbient = <A, E>(make: (ambient: Ambient) => Result.Result<A, E>): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => Effect.fromResult(make(ambientOf(fiber))))
