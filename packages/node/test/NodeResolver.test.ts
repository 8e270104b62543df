import * as Resolver from "@effect-mail/dns/Resolver"
import * as NodeResolver from "@effect-mail/node/NodeResolver"
import { TimeLapse } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as NameServer from "./support/nameServer.ts"

const { address, framed, reply } = NameServer

const answered = 0x8180

const truncated = 0x8380

const withServer = <A, E>(
  answer: NameServer.Answer,
  test: (resolver: Resolver.Resolver["Service"], questions: ReadonlyArray<NameServer.Question>) => Effect.Effect<A, E>,
  options: NodeResolver.Options = {}
) =>
  Effect.gen(function* () {
    const { questions, server } = yield* NameServer.start(answer)
    const context = yield* Layer.build(
      NodeResolver.layer({ servers: [server], timeout: "300 millis", tries: 1, ...options })
    )
    return yield* test(Context.get(context, Resolver.Resolver), questions)
  }).pipe(Effect.scoped)

const addressesOf = (answer: Resolver.Answer<"A">): ReadonlyArray<string> =>
  answer.records.map((record) => NetAddress.formatIp(record.address))

const good = ({ bytes }: NameServer.Question) => [reply(bytes, answered, [address(192, 0, 2, 1)])]

describe("over UDP", () => {
  it.effect("the reply of the server is the answer", () =>
    withServer(good, (resolver) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(addressesOf(yield* resolver.query("example.com", "A")), ["192.0.2.1"])
      })
    )
  )

  it.effect(
    "a reply with another id, about another name, or that is no reply is ignored, and the true one taken (DNS-025)",
    () =>
      withServer(
        (question) => {
          const forged = reply(question.bytes, answered, [address(192, 0, 2, 66)])
          const otherId = Buffer.from(forged)
          otherId.writeUInt16BE((otherId.readUInt16BE(0) + 1) & 0xffff)
          const otherName = Buffer.from(forged)
          otherName[14] = 0x7a
          const noReply = Buffer.from(forged)
          noReply[2] = 0x01
          return [otherId, otherName, noReply, Buffer.alloc(0), Buffer.from([1]), ...good(question)]
        },
        (resolver) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(addressesOf(yield* resolver.query("example.com", "A")), ["192.0.2.1"])
          })
      )
  )

  it.effect("ids differ, and ports do after some questions (RFC 5452)", () =>
    withServer(good, (resolver, questions) =>
      Effect.gen(function* () {
        yield* Effect.forEach(Array.from({ length: 200 }), () => resolver.query("example.com", "A"), {
          concurrency: 10
        })
        assert.isAtLeast(new Set(questions.map(({ port }) => port)).size, 6)
        assert.isAtLeast(new Set(questions.map(({ bytes }) => bytes.readUInt16BE(0))).size, 190)
      })
    )
  )

  it.effect("questions that are asked at once get their own answers, though these come in another order", () => {
    const held: Array<Uint8Array> = []
    return withServer(
      (question) => {
        held.unshift(reply(question.bytes, answered, [address(192, 0, 2, question.bytes[13] ?? 0)]))
        // All come from one port, so that the last one can bring the answers of all.
        return held.length < 3 ? [] : held
      },
      (resolver) =>
        Effect.gen(function* () {
          const names = ["a.example", "b.example", "c.example"]
          const answers = yield* Effect.forEach(names, (name) => resolver.query(name, "A"), {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(
            answers.map((answer) => addressesOf(answer)[0]),
            names.map((name) => `192.0.2.${name.charCodeAt(0)}`)
          )
        }),
      { timeout: "2 seconds" }
    )
  })

  it.effect("a late reply to a question that was given up does no harm", () => {
    let first: NameServer.Question | undefined
    return withServer(
      (question) => {
        if (first === undefined) {
          first = question
          return []
        }
        return [reply(first.bytes, answered, [address(192, 0, 2, 66)]), ...good(question)]
      },
      (resolver) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* TimeLapse.run(Effect.flip(resolver.query("example.com", "A")))).reason, "Timeout")
          assert.deepStrictEqual(addressesOf(yield* resolver.query("example.com", "A")), ["192.0.2.1"])
        })
    )
  })
})

it.live("a resolver that ends before its port is connected asks nothing, and throws nothing later", () =>
  withServer(good, (resolver, questions) =>
    Effect.gen(function* () {
      const { questions: unasked, server } = yield* NameServer.start(good)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const context = yield* Layer.build(NodeResolver.layer({ servers: [server] }))
          const query = Context.get(context, Resolver.Resolver).query("example.com", "A")
          yield* Effect.forkChild(query, { startImmediately: true })
        })
      )
      // The answer to another shows that the system has had its turns; an error outside of Effect would fail the run.
      yield* resolver.query("example.com", "A")
      assert.deepStrictEqual([questions.length, unasked.length], [1, 0])
    }).pipe(Effect.scoped)
  )
)

describe("over TCP, after a truncated reply (DNS-025)", () => {
  const byTcp =
    (chunks: (whole: Buffer) => ReadonlyArray<Uint8Array>): NameServer.Answer =>
    (question) =>
      question.protocol === "udp"
        ? [reply(question.bytes, truncated)]
        : chunks(framed(reply(question.bytes, answered, [address(192, 0, 2, 1), address(192, 0, 2, 2)])))

  const ways: Readonly<Record<string, (whole: Buffer) => ReadonlyArray<Uint8Array>>> = {
    "in one piece": (whole) => [whole],
    "byte by byte": (whole) => Array.from(whole, (octet) => Buffer.from([octet])),
    "with more behind it": (whole) => [Buffer.concat([whole, whole])]
  }
  for (const [way, chunks] of Object.entries(ways)) {
    it.effect(`the reply is read ${way}`, () =>
      withServer(byTcp(chunks), (resolver, questions) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(addressesOf(yield* resolver.query("example.com", "A")), ["192.0.2.1", "192.0.2.2"])
          assert.deepStrictEqual(
            questions.map(({ protocol }) => protocol),
            ["udp", "tcp"]
          )
        })
      )
    )
  }

  const bad: Readonly<Record<string, (whole: Buffer) => ReadonlyArray<Uint8Array>>> = {
    "is cut": (whole) => [whole.subarray(0, whole.length - 3)],
    "is missing": () => [],
    "has another id": (whole) => {
      whole.writeUInt16BE((whole.readUInt16BE(2) + 1) & 0xffff, 2)
      return [whole]
    }
  }
  for (const [what, chunks] of Object.entries(bad)) {
    it.effect(`a reply that ${what} is no answer`, () =>
      withServer(byTcp(chunks), (resolver) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip(resolver.query("example.com", "A"))).reason, "Network")
        })
      )
    )
  }
})

it.effect("a server that does not listen is known at once, and the next one is asked", () =>
  Effect.gen(function* () {
    const { server } = yield* NameServer.start(good)
    const layer = NodeResolver.layer({ servers: ["127.0.0.1:1", server], timeout: "1 minute" })
    const resolver = Context.get(yield* Layer.build(layer), Resolver.Resolver)
    assert.deepStrictEqual(addressesOf(yield* resolver.query("example.com", "A")), ["192.0.2.1"])
  }).pipe(Effect.scoped)
)
