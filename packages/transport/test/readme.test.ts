import { SaslServer } from "@effect-mail/protocol"
import { MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { pooled } from "./pool.example.ts"
import { layer, program } from "./readme.example.ts"
import { authenticates } from "./support/auth.ts"

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

const { expect, reply } = Script

const script: Script.Script = [
  Script.startTls,
  reply("220 smtp.example.com ESMTP"),
  expect("EHLO app.example.com"),
  reply("250-smtp.example.com", "250 AUTH PLAIN SCRAM-SHA-256"),
  authenticates(SaslServer.mechanisms({ password: () => Redacted.make("secret") })),
  expect("MAIL FROM:<ada@example.com>"),
  reply("250 2.1.0 Ok"),
  expect("RCPT TO:<bob@example.net>"),
  reply("250 2.1.5 Ok"),
  expect("RCPT TO:<carol@example.org>"),
  reply("450 4.2.1 Busy"),
  expect("DATA"),
  reply("354 Go ahead"),
  Script.expectMessage,
  reply("250 2.0.0 Taken"),
  expect("QUIT")
]

describe("README", () => {
  it("shows the example that is tested here", () => {
    const example = /```ts\n([^]*?)```/.exec(read("../README.md"))?.[1]
    assert.strictEqual(example, read("./readme.example.ts"))
  })

  it.effect("the example sends one message, and tells of each recipient", () => {
    const place = { address: "smtp.example.com", port: 465, names: ["smtp.example.com"] }
    const world = Layer.provideMerge(ScriptedServer.layerMemory(place, script), MemoryNetwork.layer)
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* program, ["bob@example.net: delivered", "carol@example.org: temp"])
    }).pipe(Effect.provide(Layer.provide(layer, world)))
  })

  it.effect("the pool of the example logs in with its token, and sends one message after the other", () => {
    const place = { address: "smtp.example.com", port: 465, names: ["smtp.example.com"] }
    const bearer = Buffer.from("user=app@example.com\u0001auth=Bearer ya29.a0\u0001\u0001").toString("base64")
    const one = script.slice(-11, -1)
    const session = [...script.slice(0, 3), reply("250-smtp.example.com", "250 AUTH XOAUTH2")]
    const login = [expect(`AUTH XOAUTH2 ${bearer}`), reply("235 2.7.0 Welcome")]
    const all = [...session, ...login, ...one, ...one, expect("QUIT")]
    const world = Layer.provideMerge(ScriptedServer.layerMemory(place, all), MemoryNetwork.layer)
    return Effect.gen(function* () {
      for (let i = 0; i < 2; i++) {
        assert.deepStrictEqual(yield* program, ["bob@example.net: delivered", "carol@example.org: temp"])
      }
    }).pipe(Effect.provide(Layer.provide(pooled, world)))
  })
})
