/** Settings are values that are checked before anything is opened. */
import { MemoryNetwork } from "@effect-mail/testing"
import { PoolSettings, SmtpPool, SmtpSettings, SmtpTransport, Timeouts } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Result } from "effect"
import { endpoint } from "./support/smtp.ts"

const wrong: ReadonlyArray<readonly [Partial<SmtpSettings.SmtpSettings>, string]> = [
  [{ name: "two words" }, "name"],
  [{ name: "client.example\r\nMAIL FROM:<>" }, "name"],
  [{ name: "" }, "name"],
  [{ timeouts: { ...Timeouts.standard, greeting: Duration.zero } }, "timeouts.greeting"],
  [{ timeouts: { ...Timeouts.standard, verdict: Duration.infinity } }, "timeouts.verdict"],
  [{ deadline: Duration.seconds(-1) }, "deadline"],
  [{ maxRecipients: 0 }, "maxRecipients"],
  [{ maxRecipients: 1.5 }, "maxRecipients"],
  [{ maxChunk: -1 }, "maxChunk"],
  [{ maxChunk: Number.NaN }, "maxChunk"],
  [{ sasl: { minimumIterations: 0 } }, "sasl.minimumIterations"],
  [{ pool: { maxConnections: 0 } }, "pool.maxConnections"],
  [{ pool: { maxMessages: 0 } }, "pool.maxMessages"],
  [{ pool: { lifetime: Duration.zero } }, "pool.lifetime"],
  [{ pool: { idle: Duration.infinity } }, "pool.idle"],
  [{ pool: { maxIdle: -1 } }, "pool.maxIdle"],
  [{ pool: { maxWaiting: 0.5 } }, "pool.maxWaiting"],
  [{ pool: { drain: Duration.seconds(-1) } }, "pool.drain"]
]

describe("settings", () => {
  for (const [settings, setting] of wrong) {
    it.effect(`are refused, typed, when ${setting} cannot be used: ${JSON.stringify(settings)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(SmtpPool.make(settings))
        assert.instanceOf(error, SmtpSettings.InvalidSetting)
        assert.strictEqual(error.setting, setting)
        assert.match(error.message, /^setting [a-zA-Z.]+: .+\. Use /)
        const layer = yield* Effect.flip(Effect.provide(Effect.void, SmtpTransport.layer([endpoint()], settings)))
        assert.strictEqual(layer.setting, setting)
      }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
    )
  }

  it.effect("are those that are current where nothing else is said, and checked like the others", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(SmtpTransport.makeOneShot([endpoint()]))
      assert.strictEqual(error.setting, "name")
      yield* SmtpTransport.makeOneShot([endpoint()], { name: "client.example.com" })
    }).pipe(
      Effect.provideService(SmtpSettings.CurrentSmtpSettings, { ...SmtpSettings.standard, name: "no_name" }),
      Effect.provide(MemoryNetwork.layer)
    )
  )

  it("have defaults that pass", () => {
    assert.isTrue(Result.isSuccess(SmtpSettings.make({})))
    for (const name of ["client.example.com", "b\u00fccher.example", "[192.0.2.1]", "[IPv6:2001:db8::1]"]) {
      assert.isTrue(Result.isSuccess(SmtpSettings.make({ name })), name)
    }
    for (const pool of [PoolSettings.relay, PoolSettings.mx]) assert.isTrue(Result.isSuccess(PoolSettings.check(pool)))
  })
})
