/**
 * How long what was found out holds. Whoever looks something up says so here, for each answer it used; whoever keeps the
 * result asks here. A router over a source that does not tell lifetimes says nothing.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * Takes the lifetime in seconds of each answer that a lookup uses; nobody listens by default.
 *
 * @category references
 * @since 0.1.0
 */
export const Lifetime: Context.Reference<(seconds: number) => void> = Context.Reference<(seconds: number) => void>(
  "@effect-mail/dns/Lifetime",
  { defaultValue: () => () => {} }
)

/**
 * Says that an answer holds for some seconds, 0 or more.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tell = (seconds: number): Effect.Effect<void> => Effect.map(Lifetime, (listener) => listener(seconds))

/**
 * Runs a lookup and calls `listener` with the lifetime of each answer it uses, in seconds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const listen = <A, E, R>(
  lookup: Effect.Effect<A, E, R>,
  listener: (seconds: number) => void
): Effect.Effect<A, E, R> => Effect.provideService(lookup, Lifetime, listener)
