import { Dialer } from "@effect-mail/transport/Dialer"
import { assert, describe, it } from "@effect/vitest"
import { DialerContract, MemoryNetwork, type ServerWire } from "@effect-mail/testing"
import { Cause, Duration, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"

const subject = Effect.gen(function* () {
  const network = yield* MemoryNetwork.MemoryNetwork
  let port = 1024
  const place = () => ({ host: DialerContract.serverName, address: "192.0.2.2", port: ++port })
  return {
    dialer: yield* Dialer,
    listen: (handler: ServerWire.Handler, { trusted }: { readonly trusted: boolean }) => {
      const where = place()
      const options = { ...where, names: [DialerContract.serverName], trusted }
      return Effect.as(network.listen(options, handler), where)
    },
    refusing: Effect.sync(place),
    silent: Effect.suspend(() => {
      const where = place()
      return Effect.as(
        network.listen({ ...where, silent: true }, () => Effect.void),
        where
      )
    }),
    pass: (duration: Duration.Duration) => TestClock.adjust(duration)
  }
})

describe("MemoryNetwork", () => {
  for (const { effect, name } of DialerContract.cases(subject)) {
    it.effect(name, () => Effect.provide(effect, MemoryNetwork.layer))
  }

  it.effect("has one server at one address, and says so to the second", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.MemoryNetwork
      const place = { address: "192.0.2.2", port: 25 }
      const serve = network.listen(place, () => Effect.void)
      // What is free again can be taken again.
      yield* Effect.scoped(serve)
      yield* serve
      yield* network.listen({ ...place, port: 26 }, () => Effect.void)
      const exit = yield* Effect.exit(serve)
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.instanceOf(error, MemoryNetwork.AddressInUse)
      assert.match(String(error), /192\.0\.2\.2:25 is in use: another server of this test/)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
  )
})
