/** A message that asks for REQUIRETLS goes over no session but one under TLS with a server that has proved who it is. */
import type { Parcel } from "@effect-mail/message"
import { Envelope, TlsPolicy } from "@effect-mail/protocol"
import { MemoryNetwork, Script } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { against, data, ehlo, hello, parcel, place, quit, rcpt, send, shown, startTls } from "./support/smtp.ts"

const secret: Parcel.Parcel = {
  ...parcel(),
  envelope: Result.getOrThrow(Envelope.make({ from: "alice@example.com", to: "bob@example.org", requireTls: true }))
}

const taken: Script.Script = [
  Script.expect("MAIL FROM:<alice@example.com> REQUIRETLS"),
  Script.reply("250 2.1.0 Ok"),
  ...rcpt(),
  ...data(),
  ...quit
]

const upgraded = (...then: Script.Script): Script.Script => [
  ...hello("STARTTLS"),
  ...startTls,
  ...ehlo("REQUIRETLS"),
  ...then
]

const refused = ["PermFailure mail host host 5.7.10"]

describe("REQUIRETLS (TLS-020, CLASS-30)", () => {
  it.effect("is not asked for in clear text, whatever the server offers", () =>
    Effect.gen(function* () {
      const outcomes = yield* against([[...hello("REQUIRETLS"), ...quit]], send(secret))
      assert.deepStrictEqual(shown(outcomes), refused)
    })
  )

  it.effect("is not asked for under TLS whose certificate proves nothing", () =>
    Effect.gen(function* () {
      for (const options of [{ trusted: false }, { names: ["other.example"] }]) {
        const outcomes = yield* against([upgraded(...quit)], send(secret, TlsPolicy.opportunistic), options)
        assert.deepStrictEqual(shown(outcomes), refused)
      }
    })
  )

  it.effect("is asked for under TLS with a certificate that was verified, also where it did not have to be", () =>
    Effect.gen(function* () {
      for (const policy of [TlsPolicy.opportunistic, TlsPolicy.required]) {
        assert.deepStrictEqual(shown(yield* against([upgraded(...taken)], send(secret, policy))), ["delivered 250"])
      }
    })
  )

  it.effect("is asked for under TLS with a certificate that is pinned", () =>
    Effect.gen(function* () {
      const untrusted = { trusted: false }
      const pins = TlsPolicy.pinned([MemoryNetwork.certificateOf({ ...place, ...untrusted }).fingerprint])
      const outcomes = yield* against([upgraded(...taken)], send(secret, pins), untrusted)
      assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
    })
  )
})
