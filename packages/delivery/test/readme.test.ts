import { Delivery } from "@effect-mail/delivery"
import { Failure, Receipt } from "@effect-mail/protocol"
import { Router } from "@effect-mail/dns"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { readFileSync } from "node:fs"
import { parcelTo, routeTo, serverAt, world } from "./support/world.ts"

const welcome = parcelTo("ada@inbox.example", "bob@nomail.example", "carol@inbox.example")

const program = Effect.gen(function* () {
  const delivery = yield* Delivery.Delivery
  const outcomes = yield* delivery.attempt(welcome)
  return outcomes.map((outcome) => `${outcome.recipient}: ${Receipt.outcomeWord(outcome)}`)
})

it.effect("the page's example gives what the page says", () =>
  Effect.gen(function* () {
    const lines = yield* program
    assert.include(readFileSync(new URL("../README.md", import.meta.url), "utf8"), `\n${lines.join("\n")}\n`)
  }).pipe(
    Effect.provide(
      Delivery.layerMx.pipe(
        Layer.provide(
          Router.layerTest({
            "inbox.example": routeTo("inbox.example", "192.0.2.1"),
            "nomail.example": Failure.perm({ stage: "route", scope: "domain", next: "never", reason: "null MX" })
          })
        ),
        Layer.provide(world(serverAt("192.0.2.1")))
      )
    )
  )
)
