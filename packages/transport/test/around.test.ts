/** What stands around the visits of endpoints, such as a throttle, and what its refusals mean. */
import { Endpoint, Failure, TlsPolicy } from "@effect-mail/protocol"
import { MailServer, Mailbox, MemoryNetwork } from "@effect-mail/testing"
import { SmtpTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Layer } from "effect"
import { parcel, settings, shown } from "./support/smtp.ts"

const address = (n: number) => `192.0.2.${n}`

const route = Arr.map(Arr.range(1, 9), (n) =>
  Endpoint.make({ host: `mx${n}.example`, address: address(n), port: 25, tls: TlsPolicy.none })
)

const resting = (host: string) =>
  Failure.unreachable({ stage: "policy", scope: "host", next: "host", enhanced: "4.4.1", reason: "is resting", host })

/** Refuses the visits of these hosts. */
const refusing =
  (...hosts: ReadonlyArray<number>): SmtpTransport.Around =>
  ({ host }) =>
  (visit) =>
    hosts.some((n) => host === `mx${n}.example`) ? Effect.fail(resting(host)) : visit

const listening = (n: number) => MailServer.layerMemory({ address: address(n), port: 25 })

const world = (...hosts: ReadonlyArray<number>) =>
  Layer.mergeAll(Layer.empty, ...hosts.map(listening)).pipe(
    Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer))
  )

const send = Effect.fnUntraced(function* (around: SmtpTransport.Around) {
  const outcomes = yield* SmtpTransport.sendVia(route, parcel(), settings, around)
  return { outcomes, dialed: yield* (yield* MemoryNetwork.MemoryNetwork).dialed }
})

describe("around", () => {
  it.effect("a host that is not tried sends the mail on to the next one, without a connection (CLASS-15)", () =>
    Effect.gen(function* () {
      const { dialed, outcomes } = yield* send(refusing(1))
      assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
      assert.deepStrictEqual(dialed, ["192.0.2.2:25"])
    }).pipe(Effect.provide(world(1, 2)))
  )

  it.effect("a host that is not tried is none of the five addresses (CLASS-15)", () =>
    Effect.gen(function* () {
      const { dialed } = yield* send(refusing(1, 2, 3, 4))
      assert.strictEqual(dialed.length, SmtpTransport.limits.addresses)
    }).pipe(Effect.provide(world()))
  )

  it.effect("what a host that was tried has said is reported, and not that another was left alone (CLASS-15)", () =>
    Effect.gen(function* () {
      const { outcomes } = yield* send(refusing(1, 2, 3, 4, 5, 6, 7, 8))
      const [outcome] = outcomes
      assert.isTrue(outcome?._tag === "Failed" && outcome.failure.stage === "connect")
      assert.isTrue(outcome?._tag === "Failed" && outcome.failure.host === "mx9.example")
    }).pipe(Effect.provide(world()))
  )

  it.effect("when no host is tried, that is what is reported, and it is no attempt (CLASS-15)", () =>
    Effect.gen(function* () {
      const { dialed, outcomes } = yield* send(refusing(1, 2, 3, 4, 5, 6, 7, 8, 9))
      const [outcome] = outcomes
      assert.isTrue(outcome?._tag === "Failed" && outcome.failure.stage === "policy")
      assert.deepStrictEqual(dialed, [])
    }).pipe(Effect.provide(world(1)))
  )

  it.effect("it stands around the whole visit, and hears its outcomes", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const { outcomes } = yield* send(
        ({ host }) =>
          (visit) =>
            Effect.tap(visit, (all) => Effect.sync(() => heard.push(`${host}: ${shown(all).join()}`)))
      )
      assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
      assert.deepStrictEqual(heard, [
        "mx1.example: Unreachable connect host address 4.4.1",
        "mx2.example: delivered 250"
      ])
    }).pipe(Effect.provide(world(2)))
  )
})
