import { assert, describe, it } from "@effect/vitest"
import { Sha256 } from "@effect-mail/message/Sha256"
import * as NodeSha256 from "@effect-mail/node/NodeSha256"
import { Effect } from "effect"

const digest = Effect.gen(function* () {
  const hash = (yield* Sha256)()
  // Whoever gives the pieces may use one array for all of them.
  const piece = Buffer.alloc(1)
  hash.update(new Uint8Array())
  for (const letter of "abc") hash.update(piece.fill(letter))
  return Buffer.from(yield* hash.digest).toString("hex")
})

// FIPS 180-4, the example of SHA-256.
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

describe("SHA-256 in pieces", () => {
  it.effect("is that of node:crypto, piece by piece", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Effect.provide(digest, NodeSha256.layer), abc)
    })
  )

  it.effect("is that of WebCrypto by default", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* digest, abc)
    })
  )
})
