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
 * Runs an effect in a span, as `Effect.withSpan` does, when somebody traces.
 *
 * @category tracing
 * @since 0.1.0
 */
export const withSpan = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  name: string,
  options?: () => Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    isOn(fiber) ? Effect.withSpan(self, name, { ...options?.(), captureStackTrace: false }) : self
  )

/**
 * Gives the span that `withSpan` has opened these attributes, when somebody traces.
 *
 * @category tracing
 * @since 0.1.0
 */
export const annotate = (attributes: () => Readonly<Record<string, unknown>>): Effect.Effect<void> =>
  Effect.withFiber((fiber) => (isOn(fiber) ? Effect.annotateCurrentSpan(attributes()) : Effect.void))
