/** What was asked for and the server does not offer: refused, or sent without it and said so. */
import type { Parcel } from "@effect-mail/message"
import { Envelope } from "@effect-mail/protocol"
import { Script } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { against, data, hello, mail, parcel, quit, rcpt, send, shown } from "./support/smtp.ts"

const asking: Parcel.Parcel = {
  ...parcel(),
  envelope: Result.getOrThrow(
    Envelope.make({
      from: "alice@example.com",
      to: { address: "bob@example.org", notify: "SUCCESS" },
      ret: "HDRS",
      envelopeId: "7",
      priority: 3
    })
  )
}

describe("a parameter whose extension the server does not offer (SMTP-025, DSN-007)", () => {
  it.effect("is left out, and the outcome says so", () =>
    Effect.gen(function* () {
      const [outcome] = yield* against([[...hello("SIZEX"), ...mail, ...rcpt(), ...data(), ...quit]], send(asking))
      if (outcome?._tag !== "Delivered") return assert.fail("expected a delivery")
      assert.deepStrictEqual(outcome.omitted, ["RET", "ENVID", "MT-PRIORITY", "NOTIFY"])
    })
  )

  it.effect("is refused where the settings say so, before MAIL", () =>
    Effect.gen(function* () {
      const outcomes = yield* against([[...hello(), ...quit]], send(asking, undefined, { onMissing: "refuse" }))
      assert.deepStrictEqual(shown(outcomes), ["PermFailure mail host host 5.3.3"])
    })
  )

  it.effect("and nothing is said of what the server does offer", () =>
    Effect.gen(function* () {
      const script = [
        ...hello("DSN", "MT-PRIORITY"),
        Script.expect("MAIL FROM:<alice@example.com> RET=HDRS ENVID=7 MT-PRIORITY=3"),
        Script.reply("250 2.1.0 Ok"),
        Script.expect("RCPT TO:<bob@example.org> NOTIFY=SUCCESS"),
        Script.reply("250 2.1.5 Ok"),
        ...data(),
        ...quit
      ]
      const [outcome] = yield* against([script], send(asking))
      if (outcome?._tag !== "Delivered") return assert.fail("expected a delivery")
      assert.isUndefined(outcome.omitted)
      assert.isFalse("omitted" in outcome)
    })
  )
})
