import { Dialer } from "@effect-mail/transport/Dialer"
import { describe, it } from "@effect/vitest"
import { DialerContract, MemoryNetwork, type ServerWire } from "@effect-mail/testing"
import { Duration, Effect } from "effect"
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
})
