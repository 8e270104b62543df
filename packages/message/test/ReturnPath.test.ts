import * as ReturnPath from "@effect-mail/message/ReturnPath"
import * as Verp from "@effect-mail/message/Verp"
import * as Address from "@effect-mail/protocol/Address"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result, Schema } from "effect"
import * as Crypto from "node:crypto"

const at = Address.unsafe

describe("VERP", () => {
  it("V-037, DSN-031: is written as Postfix and qmail do", () => {
    const encoded = (delimiters?: Verp.Delimiters) =>
      Result.getOrThrow(Verp.encode(at("owner-listname@origin.example"), at("user@domain.example"), delimiters))
    assert.strictEqual(encoded(), "owner-listname+user=domain.example@origin.example")
    assert.strictEqual(encoded("-="), "owner-listname-user=domain.example@origin.example")
  })

  it.prop(
    "gives the recipient back",
    [
      Schema.Literals(["a", "a+b", "a=b", "a-b", "x=y=z", "o'neill", "A.B"]),
      Schema.Literals(["example.net", "xn--bcher-kva.example", "a-b.example"]),
      Schema.Literals(["+=", "-="]),
      Schema.Literals(["list@example.com", "my-list+x@example.com"])
    ],
    ([local, domain, delimiters, from]) => {
      const recipient = at(`${local}@${domain}`)
      const sender = at(from)
      const encoded = Result.getOrThrow(Verp.encode(sender, recipient, delimiters))
      assert.strictEqual(Verp.decode(encoded, sender, delimiters), recipient)
      const shouted = at(encoded.replace(Address.localPart(sender), (text) => text.toUpperCase()))
      assert.strictEqual(Verp.decode(shouted, sender, delimiters), recipient)
    }
  )

  it("is not read where there is none", () => {
    for (const address of [
      "list@example.com",
      "list+@example.com",
      "list+ada@example.com",
      "list+=example.net@example.com",
      "list+ada=@example.com",
      "other+ada=example.net@example.com",
      "list+ada=example.net@example.org"
    ]) {
      assert.isUndefined(Verp.decode(at(address), at("list@example.com")), address)
    }
  })

  it("refuses what does not fit into one address", () => {
    for (const recipient of ['"a b"@example.net', "a@[192.0.2.1]", `${"a".repeat(60)}@example.net`]) {
      assert.isTrue(Result.isFailure(Verp.encode(at("list@example.com"), at(recipient))), recipient)
    }
  })
})

describe("a signed return path", () => {
  const secret = "0123456789abcdef0123456789abcdef"
  const sender = at("bounces@example.com")
  const make = (key = secret, from = sender) => ReturnPath.make({ sender: from, key: Redacted.make(key) })

  it.effect("is the sender, the id and 80 bits of an HMAC", () =>
    Effect.gen(function* () {
      const address = yield* (yield* make()).sign("order-7")
      const digest = Crypto.createHmac("sha256", secret).update("bounces@example.com\norder-7").digest()
      const bits = Array.from(digest.subarray(0, 10), (octet) => octet.toString(2).padStart(8, "0")).join("")
      const signature = (bits.match(/.{5}/g) ?? [])
        .map((five) => "abcdefghijklmnopqrstuvwxyz234567".charAt(Number.parseInt(five, 2)))
        .join("")
      assert.strictEqual(address, `bounces+order-7-${signature}@example.com`)
    })
  )

  const Id = Schema.Literals(["a", "7", "order-7", "a-b-c", "0123456789abcdef0123456789abcdef"])
  it.effect.prop("gives the id back, whatever happens to the letter case", [Id], ([id]) =>
    Effect.gen(function* () {
      const path = yield* make()
      const address = yield* path.sign(id)
      assert.strictEqual(yield* path.verify(address), id)
      assert.strictEqual(yield* path.verify(at(address.toUpperCase())), id)
    })
  )

  it.effect("is not believed when anything of it was changed, or with another key or sender", () =>
    Effect.gen(function* () {
      const path = yield* make()
      const address = yield* path.sign("order-7")
      const local = Address.localPart(address)
      for (let i = 0; i < local.length; i++) {
        for (const char of ["a", "b", "7", "-", "+"]) {
          const changed = `${local.slice(0, i)}${char}${local.slice(i + 1)}`
          if (changed === local) continue
          const parsed = Address.parse(`${changed}@example.com`)
          if (Result.isSuccess(parsed)) assert.isUndefined(yield* path.verify(parsed.success), changed)
        }
      }
      assert.isUndefined(yield* path.verify(at(`${local}@example.org`)))
      assert.isUndefined(yield* path.verify(sender))
      assert.isUndefined(yield* (yield* make(`${secret}x`)).verify(address))
      const other = yield* make(secret, at("bounce@example.com"))
      assert.isUndefined(yield* other.verify(at(`bounce${local.slice("bounces".length)}@example.com`)))
    })
  )

  it.effect("refuses short keys, odd ids, and what is longer than an address", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(make("0123456789abcde"))).reason, "bad-key")
      const path = yield* make()
      for (const id of ["", "A", "a b", "a@b", "-a", "a-", "a--b", "a\r\nb", "ä"]) {
        assert.strictEqual((yield* Effect.flip(path.sign(id))).reason, "bad-id", id)
      }
      assert.strictEqual((yield* Effect.flip(path.sign("a".repeat(60)))).reason, "too-long")
    })
  )
})
