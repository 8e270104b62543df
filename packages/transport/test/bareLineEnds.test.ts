/** A CR or an LF that stands alone is not sent with BDAT either, where nothing has to be stuffed. */
import { Script } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { against, bytes, hello, pieces, quit, send, shown, streamed } from "./support/smtp.ts"

const { expect, expectBreakOff, reply } = Script

const sent = [
  ["CR", "Subject: x\r\n\r\na\rb\r\n", 15],
  ["LF", "Subject: x\r\n\r\na\nb\r\n", 15],
  ["CR at the end", "Subject: x\r\n\r\nab\r", 16],
  ["LF before a dot", "Subject: x\r\n\r\n\n.\r\n", 14]
] as const

const chunking = hello("PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME")

describe("BDAT (SMTP-157)", () => {
  for (const [found, text, position] of sent) {
    const size = text.length
    it.effect(`a bare ${found} in bytes is an error of the message, of which nothing is sent`, () =>
      Effect.gen(function* () {
        const parcel = streamed(pieces(), { bytes: bytes(text), size })
        const error = yield* against([[...chunking, expectBreakOff]], Effect.flip(send(parcel)))
        assert.deepInclude(error, { reason: "bare-line-end", position })
      })
    )

    it.effect(`a bare ${found} in a stream is an error of the message, which ends there`, () =>
      Effect.gen(function* () {
        const parcel = streamed(pieces(text.slice(0, position), text.slice(position)), { size })
        const script = [
          ...chunking,
          expect("MAIL FROM:<alice@example.com> BODY=7BIT"),
          expect("RCPT TO:<bob@example.org>"),
          expect(`BDAT ${size} LAST`),
          expectBreakOff
        ]
        const error = yield* against([script], Effect.flip(send(parcel)))
        assert.deepInclude(error, { reason: "bare-line-end", position })
      })
    )

    it.effect(`a bare ${found} in binary content goes as it is`, () =>
      Effect.gen(function* () {
        const parcel = streamed(pieces(), { bytes: bytes(text), size, encoding: "binary" })
        const script = [
          ...chunking,
          expect("MAIL FROM:<alice@example.com> BODY=BINARYMIME"),
          expect("RCPT TO:<bob@example.org>"),
          expect(`BDAT ${size} LAST`),
          Script.expectBytes(text),
          reply("250 ok"),
          reply("250 ok"),
          reply("250 taken"),
          ...quit
        ]
        assert.deepStrictEqual(shown(yield* against([script], send(parcel))), ["delivered 250"])
      })
    )
  }
})
