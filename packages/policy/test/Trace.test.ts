import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"
import * as Trace from "@effect-mail/policy/Trace"

const traced = Trace.withSpan(
  "Test.work",
  (annotate) => Effect.andThen(annotate?.({ found: 2 }) ?? Effect.void, Effect.option(Effect.currentSpan)),
  () => ({ kind: "client", attributes: { given: 1 } })
)

describe("Trace", () => {
  it.effect("makes a span for a tracer that somebody provides", () => {
    const tracer = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })
    return Effect.gen(function* () {
      const span = yield* traced
      assert.strictEqual(span._tag === "Some" && span.value.name, "Test.work")
      assert.strictEqual(span._tag === "Some" && span.value.kind, "client")
      assert.deepStrictEqual(span._tag === "Some" && Object.fromEntries(span.value.attributes), { given: 1, found: 2 })
    }).pipe(Effect.withTracer(tracer))
  })

  it.effect("makes none while nobody traces, and leaves the spans of others alone", () =>
    Effect.gen(function* () {
      const span = yield* Effect.withSpan(traced, "Other.work")
      assert.strictEqual(span._tag === "Some" && span.value.name, "Other.work")
      assert.strictEqual(span._tag === "Some" && span.value.attributes.size, 0)
    })
  )
})
