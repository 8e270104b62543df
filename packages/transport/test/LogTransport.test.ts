/** What would have been sent, as the log shows it. */
import { Receipt } from "@effect-mail/protocol"
import { LogTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, References } from "effect"
import { message, parcel, pieces, streamed } from "./support/smtp.ts"

const logging = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    const logged: Array<{ readonly level: string; readonly message: unknown }> = []
    const logger = Logger.make(({ logLevel, message }) => logged.push({ level: logLevel, message }))
    return Effect.map(Effect.provide(effect, Logger.layer([logger])), () => logged)
  })

describe("LogTransport", () => {
  it.effect("delivers to everybody, and tells no name, subject or content", () =>
    Effect.gen(function* () {
      const { send } = LogTransport.make()
      const outcomes = yield* send(parcel("bob@example.org", "carol@example.org", "postmaster"))
      assert.deepStrictEqual(outcomes.map(Receipt.outcomeWord), ["delivered", "delivered", "delivered"])
      const [entry] = yield* logging(send(parcel("bob@example.org", "carol@example.org", "dave@two.example")))
      assert.deepStrictEqual(entry, {
        level: "Info",
        message: [
          "A message was not sent, but logged",
          {
            from: "***@example.com",
            to: ["***@example.org", "***@two.example"],
            recipients: 3,
            hasMessageId: false,
            octets: message.length
          }
        ]
      })
    })
  )

  it.effect("shows all of it when it is asked to, up to a limit, and no control character", () =>
    Effect.gen(function* () {
      const { send } = LogTransport.make({ show: "whole", level: "Debug", maxOctets: 30 })
      const sending = send(streamed(pieces("Subject: \u001b[2Jx\r\n\r\n", "0123456789 and more\r\n")))
      const [entry] = yield* Effect.provideService(logging(sending), References.MinimumLogLevel, "Trace")
      assert.deepStrictEqual(entry, {
        level: "Debug",
        message: [
          "A message was not sent, but logged",
          {
            from: "<alice@example.com>",
            to: ["<bob@example.org>"],
            messageId: undefined,
            octets: 39,
            lines: ["Subject: \ufffd[2Jx", "", "0123456789 a"],
            omittedOctets: 9
          }
        ]
      })
    })
  )
})
