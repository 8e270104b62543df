/**
 * From the domain to the last host: who is asked, in which order, what sends the mail on to the next host, and what is
 * reported in the end. Each case cites its row of the classification.
 */
import { Delivery } from "@effect-mail/delivery"
import { Router } from "@effect-mail/dns"
import { Reply } from "@effect-mail/protocol"
import { MailServer, MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { SmtpTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Dns, Host } from "effect/net"
import { TestClock } from "effect/testing"
import { answering, parcelTo, serverAt as anyServerAt, summary, world } from "./support/world.ts"

const [mx1, mx2, mx3] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"] as const

// Without STARTTLS, so that each connection is a try of its own, and without CHUNKING, so that there is a DATA.
const serverAt = (address: string, options: MailServer.Options = {}) =>
  anyServerAt(address, { ...options, server: { startTls: false, chunking: false, ...options.server } })

const mx = (exchange: string, priority: number) =>
  Dns.makeRecordUnsafe("MX", { exchange: Host.domainNameFromStringUnsafe(exchange), priority })

/** Deliveries by the MX records of a zone. */
const layerOf = (
  records: Readonly<Record<string, ReadonlyArray<readonly [host: string, priority: number]>>>,
  hosts: Readonly<Record<string, ReadonlyArray<string>>>,
  ...servers: ReadonlyArray<ReturnType<typeof serverAt>>
) =>
  Delivery.layerMx.pipe(
    Layer.provide(Router.layerMx({ privateAddresses: "allow" })),
    Layer.provide(
      Dns.layerStatic({
        hosts,
        records: Object.fromEntries(
          Object.entries(records).map(([domain, exchanges]) => [domain, exchanges.map((exchange) => mx(...exchange))])
        )
      })
    ),
    Layer.provideMerge(world(...servers))
  )

/** The outcomes of an attempt, and the addresses that were dialed. */
const attempt = Effect.fnUntraced(function* (...recipients: Parameters<typeof parcelTo>) {
  const { attempt } = yield* Delivery.Delivery
  const outcomes = yield* attempt(parcelTo(...recipients))
  const dialed = yield* (yield* MemoryNetwork.MemoryNetwork).dialed
  return { outcomes: summary(outcomes), dialed: dialed.map((place) => place.replace(/:25$/, "")) }
})

const two = { "one.example": [["mx1.one.example", 10] as const, ["mx2.one.example", 20] as const] }
const addresses = { "mx1.one.example": [mx1], "mx2.one.example": [mx2] }

describe("hosts and addresses", () => {
  it.effect("are tried in the order of preference, whatever the order of the records (SMTP-123)", () =>
    Effect.gen(function* () {
      const { dialed, outcomes } = yield* attempt("a@one.example")
      assert.deepStrictEqual(dialed, [mx2, mx3, mx1])
      assert.deepStrictEqual(outcomes, ["a@one.example delivered 2.0.0 mx1.one.example"])
    }).pipe(
      Effect.provide(
        layerOf(
          {
            "one.example": [
              ["mx1.one.example", 30],
              ["mx2.one.example", 10],
              ["mx3.one.example", 20]
            ]
          },
          { ...addresses, "mx3.one.example": [mx3] },
          serverAt(mx1)
        )
      )
    )
  )

  it.effect("every address of a host comes before the next host (CLASS-13)", () =>
    Effect.gen(function* () {
      const { dialed, outcomes } = yield* attempt("a@one.example")
      assert.deepStrictEqual(dialed.slice(0, 2).toSorted(), ["192.0.2.11", "192.0.2.12"])
      assert.deepStrictEqual(dialed.slice(2), [mx2])
      assert.deepStrictEqual(outcomes, ["a@one.example delivered 2.0.0 mx2.one.example"])
    }).pipe(
      Effect.provide(layerOf(two, { ...addresses, "mx1.one.example": ["192.0.2.11", "192.0.2.12"] }, serverAt(mx2)))
    )
  )

  it.effect("a host without an address is passed over (CLASS-09)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempt("a@one.example"), {
        outcomes: ["a@one.example delivered 2.0.0 mx2.one.example"],
        dialed: [mx2]
      })
    }).pipe(Effect.provide(layerOf(two, { "mx2.one.example": [mx2] }, serverAt(mx2))))
  )

  const nine = Array.from({ length: 9 }, (_, n) => `192.0.2.${n + 1}`)

  it.effect(`at most ${SmtpTransport.limits.addresses} addresses in an attempt, over all hosts (mail-servers 1c)`, () =>
    Effect.gen(function* () {
      const { dialed, outcomes } = yield* attempt("a@one.example")
      assert.strictEqual(new Set(dialed).size, 5)
      assert.strictEqual(dialed.length, 5)
      assert.match(outcomes[0] ?? "", /^a@one.example unreachable 4.4.1 mx1/)
    }).pipe(Effect.provide(layerOf(two, { "mx1.one.example": nine.slice(0, 3), "mx2.one.example": nine.slice(3) })))
  )

  it.effect("at most two sessions that got as far as MAIL (mail-servers 1c)", () => {
    const later = { decide: answering("Mail", Reply.make(451, "4.3.0 Not now")) }
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempt("a@one.example"), {
        outcomes: ["a@one.example temp 4.3.0 mx1.one.example"],
        dialed: [mx1, mx2]
      })
    }).pipe(
      Effect.provide(
        layerOf(
          { "one.example": [...two["one.example"], ["mx3.one.example", 30]] },
          { ...addresses, "mx3.one.example": [mx3] },
          serverAt(mx1, later),
          serverAt(mx2, later),
          serverAt(mx3)
        )
      )
    )
  })
})

/** A first host that does this. */
const first = {
  answers: (tag: Parameters<typeof answering>[0], code: number, text: string) =>
    serverAt(mx1, { decide: answering(tag, Reply.make(code, text)) }),
  offers: (server: NonNullable<MailServer.Options["server"]>) => serverAt(mx1, { server }),
  plays: (...script: Script.Script) => ScriptedServer.layerMemory({ address: mx1, port: 25 }, script)
}

const upTo = (...steps: Script.Script): Script.Script => [
  Script.reply("220 mx1.one.example ESMTP"),
  Script.expectPrefix("EHLO "),
  Script.reply("250 mx1.one.example"),
  ...steps
]

const mail: Script.Script = [Script.expectPrefix("MAIL "), Script.reply("250 2.1.0 Ok")]
const rcpt: Script.Script = [Script.expectPrefix("RCPT "), Script.reply("250 2.1.5 Ok")]

const next = ["a@one.example delivered 2.0.0 mx2.one.example"]

describe("what the first host does, and whether the second is asked", () => {
  const cases: ReadonlyArray<
    readonly [name: string, host: ReturnType<typeof serverAt> | undefined, outcomes: ReadonlyArray<string>]
  > = [
    ["CLASS-13 takes no connection: yes", undefined, next],
    ["CLASS-17 greets with 421: yes", first.answers("Connect", 421, "busy"), next],
    ["CLASS-18 greets with 554: yes", first.answers("Connect", 554, "no"), next],
    ["CLASS-19 speaks no SMTP: yes", first.plays(Script.send("SSH-2.0-OpenSSH\r\n"), Script.close), next],
    [
      "CLASS-20 answers EHLO with 421: yes",
      first.plays(...upTo().slice(0, 2), Script.reply("421 bye"), Script.close),
      next
    ],
    ["CLASS-34 has no room for it: yes", first.offers({ maxSize: 10 }), next],
    ["CLASS-35 answers MAIL with 421: yes", first.answers("Mail", 421, "4.3.2 bye"), next],
    ["CLASS-36 answers MAIL with 451: yes", first.answers("Mail", 451, "4.3.0 later"), next],
    [
      "CLASS-37 answers MAIL with 550: no",
      first.answers("Mail", 550, "5.7.1 no"),
      ["a@one.example perm 5.7.1 mx1.one.example"]
    ],
    [
      "CLASS-40 answers RCPT with 450: no",
      first.answers("Rcpt", 450, "4.2.0 later"),
      ["a@one.example temp 4.2.0 mx1.one.example"]
    ],
    [
      "CLASS-43 answers RCPT with 550: no",
      first.answers("Rcpt", 550, "5.1.1 no"),
      ["a@one.example perm 5.1.1 mx1.one.example"]
    ],
    ["CLASS-44 answers RCPT with 421: yes", first.answers("Rcpt", 421, "4.3.2 bye"), next],
    ["CLASS-44 hangs up at RCPT: yes", first.plays(...upTo(...mail, Script.expectPrefix("RCPT "), Script.close)), next],
    [
      "CLASS-45 answers DATA with 451: no",
      first.answers("Data", 451, "4.3.0 later"),
      ["a@one.example temp 4.3.0 mx1.one.example"]
    ],
    [
      "CLASS-45 answers DATA with 554: no",
      first.answers("Data", 554, "5.6.0 no"),
      ["a@one.example perm 5.6.0 mx1.one.example"]
    ],
    [
      "CLASS-48 hangs up after 354: yes",
      first.plays(...upTo(...mail, ...rcpt, Script.expect("DATA"), Script.close)),
      next
    ],
    [
      "CLASS-50 answers the message with 451: no",
      first.answers("Message", 451, "4.3.0 later"),
      ["a@one.example temp 4.3.0 mx1.one.example"]
    ],
    [
      "CLASS-51 answers the message with 554: no",
      first.answers("Message", 554, "5.6.0 no"),
      ["a@one.example perm 5.6.0 mx1.one.example"]
    ],
    [
      "CLASS-52 hangs up after the last byte: no, or it would come twice",
      first.plays(
        ...upTo(...mail, ...rcpt, Script.expect("DATA"), Script.reply("354 Go"), Script.expectMessage, Script.close)
      ),
      ["a@one.example uncertain 4.4.2 mx1.one.example"]
    ]
  ]

  it.effect.each(cases)("%s", ([, host, outcomes]) =>
    Effect.gen(function* () {
      const asked = yield* attempt("a@one.example")
      assert.deepStrictEqual(asked, { outcomes, dialed: outcomes === next ? [mx1, mx2] : [mx1] })
    }).pipe(Effect.provide(layerOf(two, addresses, ...(host === undefined ? [] : [host]), serverAt(mx2))))
  )
})

describe("a first host that does not answer at all", () => {
  it.effect("is left after 30 seconds, and the second is asked (CLASS-13, CLASS-16)", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(attempt("a@one.example"))
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { outcomes: next, dialed: [mx1, mx2] })
    }).pipe(
      Effect.provide(
        layerOf(two, addresses, MailServer.layerMemory({ address: mx1, port: 25, silent: true }), serverAt(mx2))
      )
    )
  )
})

describe("what is reported when no host took it (the combining rule)", () => {
  const busy = answering("Mail", Reply.make(451, "4.3.0 Not now"))
  const never = answering("Rcpt", Reply.make(550, "5.1.1 Nobody"))
  const closed = answering("Connect", Reply.make(554, "No"))

  const cases: ReadonlyArray<
    readonly [
      name: string,
      first: MailServer.Decide | undefined,
      second: MailServer.Decide | undefined,
      reported: string
    ]
  > = [
    ["a 4xx is not hidden by a host that cannot be reached", busy, undefined, "temp 4.3.0 mx1.one.example"],
    ["a 4xx outweighs an earlier host that could not be reached", undefined, busy, "temp 4.3.0 mx2.one.example"],
    ["a real 5xx about the recipient outweighs a 4xx", busy, never, "perm 5.1.1 mx2.one.example"],
    ["CLASS-18 a 5xx greeting is no verdict about the recipient", closed, undefined, "temp mx1.one.example"],
    ["of two of a kind the preferred host is reported", busy, busy, "temp 4.3.0 mx1.one.example"]
  ]

  it.effect.each(cases)("%s", ([, one, other, reported]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* attempt("a@one.example")).outcomes, [`a@one.example ${reported}`])
    }).pipe(
      Effect.provide(
        layerOf(
          two,
          addresses,
          ...(one === undefined ? [] : [serverAt(mx1, { decide: one })]),
          ...(other === undefined ? [] : [serverAt(mx2, { decide: other })])
        )
      )
    )
  )

  it.effect(
    "each recipient has its own: who was refused stays refused, who was put off moves on alone (CLASS-44)",
    () => {
      let asked = 0
      const decide: MailServer.Decide = (question) =>
        Effect.sync(() => {
          if (question._tag !== "Rcpt") return undefined
          return ++asked === 1 ? Reply.make(550, "5.1.1 Nobody") : Reply.make(421, "4.3.2 bye")
        })
      return Effect.gen(function* () {
        assert.deepStrictEqual((yield* attempt("a@one.example", "b@one.example")).outcomes, [
          "a@one.example perm 5.1.1 mx1.one.example",
          "b@one.example delivered 2.0.0 mx2.one.example"
        ])
      }).pipe(Effect.provide(layerOf(two, addresses, serverAt(mx1, { decide }), serverAt(mx2))))
    }
  )
})
