import * as Dkim from "@effect-mail/message/Dkim"
import * as Message from "@effect-mail/message/Message"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Sha256 from "@effect-mail/message/Sha256"
import * as Signing from "@effect-mail/message/Signing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result, Stream } from "effect"
import * as Crypto from "node:crypto"
import { octets, render } from "./support/render.ts"
import { bytes, string } from "./support/texts.ts"

const pem = () =>
  Redacted.make(Crypto.generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString())

const signer = (domain: string, selector: string): Dkim.SignerOptions => ({ domain, selector, key: pem() })

const signing = Signing.make({
  signers: [
    signer("example.com", "a"),
    signer("example.com", "b"),
    signer("news.example.com", "n"),
    signer("bücher.example", "x")
  ]
})

const signed = (message: Message.Message) =>
  Effect.gen(function* () {
    const sign = Signing.sign(yield* signing)
    const all = string(yield* Effect.flatMap(Effect.flatMap(render(message), sign), octets))
    return [...all.replace(/\r\n(?=[ \t])/g, "").matchAll(/^DKIM-Signature: .* d=([^;]*); s=([^;]*);/gm)].map(
      ([, domain, selector]) => `${selector}@${domain}`
    )
  })

const from = (...authors: ReadonlyArray<string>) =>
  Message.make({ from: authors, sender: authors[0], to: "bob@example.net", text: "Hi\n" })

describe("Signing (DMARC-003)", () => {
  it.effect("gives a message the signers of its author's domain, or of the nearest one above", () =>
    Effect.gen(function* () {
      for (const [author, expected] of [
        ["ada@example.com", ["a@example.com", "b@example.com"]],
        ["Ada <ada@EXAMPLE.COM>", ["a@example.com", "b@example.com"]],
        ["ada@shop.example.com", ["a@example.com", "b@example.com"]],
        ["ada@news.example.com", ["n@news.example.com"]],
        ["ada@a.news.example.com", ["n@news.example.com"]],
        ["ada@bücher.example", ["x@xn--bcher-kva.example"]],
        ["ada@xn--bcher-kva.example", ["x@xn--bcher-kva.example"]],
        ["ada@notexample.com", []],
        ["ada@com", []],
        ["example.com@other.example", []]
      ] as const) {
        assert.deepStrictEqual(yield* signed(from(author)), Array.from(expected), author)
      }
      assert.deepStrictEqual(yield* signed(from("ada@news.example.com", "eve@example.com")), ["n@news.example.com"])
    })
  )

  it.effect("looks at the From that readers see, whatever the envelope and other fields say", () =>
    Effect.gen(function* () {
      const message = from("eve@other.example").pipe(
        Message.envelope({ from: "bounces@example.com" }),
        Message.replyTo("ada@example.com"),
        Message.header("X-From", "ada@example.com")
      )
      assert.deepStrictEqual(yield* signed(message), [])
    })
  )

  it.effect("leaves a message unsigned whose From nobody can read, and refuses one with two", () =>
    Effect.gen(function* () {
      const { envelope } = yield* render(from("ada@example.com"))
      const sign = Signing.sign(yield* signing)
      const parcel = (header: string) => Result.getOrThrow(Parcel.fromBytes(bytes(`${header}\r\n\r\nHi\r\n`), envelope))
      for (const header of ["Subject: x", "From: ada at example.com", "From:"]) {
        const unsigned = parcel(header)
        assert.strictEqual(yield* sign(unsigned), unsigned)
      }
      const error = yield* Effect.flip(sign(parcel("From: a@example.com\r\nFrom: b@other.example")))
      assert.deepStrictEqual([error.reason, error.field], ["cannot-sign", "DKIM-Signature"])
    })
  )

  it.effect("reads no more than the header of a message that is not signed", () =>
    Effect.gen(function* () {
      const parcel = yield* render(from("ada@other.example"))
      const stream = Stream.concat(
        Stream.succeed(bytes("From: ada@other.example\r\n\r\n")),
        Stream.die("nobody needs the body")
      )
      const sign = Signing.sign(yield* signing)
      yield* sign({ ...parcel, body: { ...parcel.body, bytes: undefined, stream } })
      const none = Signing.sign({ signers: [] })
      yield* none({ ...parcel, body: { ...parcel.body, bytes: undefined, stream: Stream.die("nobody asked") } })
    })
  )

  it.effect("keeps what CurrentSigning and Sha256 are when it is made", () =>
    Effect.gen(function* () {
      let hashes = 0
      const hash = yield* Sha256.Sha256
      const sign = yield* Signing.current.pipe(
        Effect.provide(Signing.layer({ signers: [signer("example.com", "a")] })),
        Effect.provideService(Sha256.Sha256, () => {
          hashes++
          return hash()
        })
      )
      const parcel = yield* Effect.flatMap(render(from("ada@example.com")), sign)
      assert.match(string(yield* octets(parcel)), /^DKIM-Signature: /)
      assert.isAbove(hashes, 0)
      const unsigned = yield* render(from("ada@example.com"))
      assert.strictEqual(yield* (yield* Signing.current)(unsigned), unsigned)
    })
  )

  it.effect("cannot be made with a key that is none, of which nothing is said", () =>
    Effect.gen(function* () {
      const key = Redacted.make("c2VjcmV0LXNlY3JldA==")
      const error = yield* Effect.flip(Signing.make({ signers: [{ domain: "example.com", selector: "a", key }] }))
      assert.strictEqual(error.reason, "bad-key")
      assert.notInclude(JSON.stringify(error), "c2VjcmV0")
    })
  )
})
