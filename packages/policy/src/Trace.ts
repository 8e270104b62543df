/**
 * Spans that cost nothing while nobody traces: Effect's own tracer only hands its spans on to other spans, so they are made
 * once an application has a `Tracer` of its own, such as that of `Otlp`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"

const isOn = (fiber: Fiber.Fiber<unknown, unknown>): boolean => fiber.getRef(Tracer.Tracer) !== Tracer.nativeTracer

/**
 * Gives the span that is open more attributes.
 *
 * @category models
 * @since 0.1.0
 */
export type Annotate = (attributes: Readonly<Record<string, unknown>>) => Effect.Effect<void>

/**
 * Makes the effect that is run, once it is known whether somebody traces.
 *
 * @category models
 * @since 0.1.0
 */
export type Traced<A, E, R> = (annotate: Annotate | undefined) => Effect.Effect<A, E, R>

/**
 * Runs an effect in a span when somebody traces. What is run is told how to `annotate` the span, or undefined when there is
 * none, so that nothing is put together for nobody.
 *
 * @category tracing
 * @since 0.1.0
 */
export const withSpan = <A, E, R>(
  name: string,
  run: Traced<A, E, R>,
  options?: () => Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> => Effect.withFiber((fiber) => within(fiber, name, run, options))

/**
 * The same in a fiber that is known, as within `Effect.withFiber`.
 *
 * @category tracing
 * @since 0.1.0
 */
export const within = <A, E, R>(
  fiber: Fiber.Fiber<unknown, unknown>,
  name: string,
  run: Traced<A, E, R>,
  options?: () => Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> =>
  isOn(fiber)
    ? Effect.withSpan(run(Effect.annotateCurrentSpan), name, { ...options?.(), captureStackTrace: false })
    : run(undefined)
