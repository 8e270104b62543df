import * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"
import * as Failure from "@effect-mail/protocol/Failure"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import { assert, describe, it } from "@effect/vitest"
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Dns from "effect/net/Dns"
import * as StaticDns from "./support/faultyDns.ts"
import { addresses, names } from "./support/route.ts"

const routed = <E, A extends Router.Router>(domain: string, router: Layer.Layer<A, E>) =>
  Effect.flatMap(Router.Router, (router) => router.route(domain)).pipe(Effect.provide(Layer.orDie(router)))

const invalid = <E>(router: Layer.Layer<Router.Router, E>) => Effect.flip(Effect.scoped(Layer.build(router)))

const zone: Dns.StaticZone = {
  records: {
    "smtp1.example.net": [StaticDns.address("192.0.2.1"), StaticDns.address("2001:db8::1")],
    "smtp2.example.net": [StaticDns.address("192.0.2.2")],
    "example.net": [StaticDns.mx(10, "smtp2.example.net"), StaticDns.address("192.0.2.9")]
  },
  hosts: { localhost: ["127.0.0.1", "::1"] }
}

const relay = (
  hosts: Arr.NonEmptyReadonlyArray<string>,
  options?: Router.RelayOptions,
  dns?: Partial<StaticDns.Options>
) => Router.layerRelay(hosts, options).pipe(Layer.provide(StaticDns.layer({ zone, ...dns })))

describe("layerRelay", () => {
  it.effect("all domains and literals go to the same hosts, in the order given, with one destination", () =>
    Effect.gen(function* () {
      const router = relay(["smtp2.example.net", "smtp1.example.net"], { port: 587 })
      for (const domain of ["example.com", "gone.example", "[192.0.2.77]"]) {
        const found = yield* routed(domain, router)
        assert.deepInclude(found, { domain, kind: "relay", destination: "smtp2.example.net:587", port: 587 })
        assert.deepStrictEqual(names(found), ["smtp2.example.net", "smtp1.example.net"])
        assert.deepStrictEqual(addresses(found), ["192.0.2.2", "192.0.2.1", "2001:db8::1"])
        assert.deepStrictEqual(found.notes, [])
      }
    })
  )

  it.effect("DNS-022: neither a plain host nor one in brackets is asked for MX records", () =>
    Effect.gen(function* () {
      for (const host of ["example.net", "[example.net]", "example.net."]) {
        const asked: Array<string> = []
        const router = relay([host], {}, { onQuestion: (question) => asked.push(question) })
        assert.deepStrictEqual(addresses(yield* routed("example.com", router)), ["192.0.2.9"])
        assert.deepStrictEqual(asked, ["lookup example.net"])
      }
    })
  )

  it.effect("addresses of every notation are used as they are, without any question", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const router = relay(
        ["192.0.2.1", "[192.0.2.2]", "2001:db8::1", "[2001:db8::2]", "[IPv6:2001:db8::3]"],
        {},
        {
          onQuestion: (question) => asked.push(question)
        }
      )
      const found = yield* routed("example.com", router)
      assert.deepStrictEqual(addresses(found), ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8::3"])
      assert.deepStrictEqual(names(found), addresses(found))
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("the system's resolver is asked, so that a hosts file counts, and private addresses are allowed", () =>
    Effect.gen(function* () {
      const found = yield* routed("example.com", relay(["localhost"], { port: 1025 }))
      assert.deepStrictEqual(addresses(found), ["127.0.0.1", "::1"])
    })
  )

  it.effect("one address family can be chosen", () =>
    Effect.gen(function* () {
      const found = yield* routed("example.com", relay(["smtp1.example.net", "192.0.2.3"], { family: "IPv6" }))
      assert.deepStrictEqual(addresses(found), ["2001:db8::1"])
      assert.deepStrictEqual(found.notes, ["left out: 192.0.2.3 (192.0.2.3 is not an IPv6 address)"])
    })
  )

  it.effect("TLS from the first byte means port 465 and a verified certificate (RFC 8314)", () =>
    Effect.gen(function* () {
      const found = yield* routed("example.com", relay(["smtp1.example.net"], { implicitTls: true }))
      const [endpoint] = Route.endpoints(found)
      assert.deepInclude(endpoint, { port: 465, implicitTls: true, tls: TlsPolicy.required, host: "smtp1.example.net" })
      const plain = yield* routed("example.com", relay(["smtp1.example.net"], { tls: TlsPolicy.requiredUnverified }))
      assert.deepInclude(Route.endpoints(plain)[0], { port: 25, implicitTls: false, tls: TlsPolicy.requiredUnverified })
    })
  )

  it.effect("a host that is not found is left out with a note", () =>
    Effect.gen(function* () {
      const found = yield* routed("example.com", relay(["gone.example.net", "smtp2.example.net"]))
      assert.deepStrictEqual(names(found), ["smtp2.example.net"])
      assert.deepStrictEqual(found.notes, ["left out: gone.example.net does not exist"])
      assert.strictEqual(found.destination, "gone.example.net:25")
    })
  )

  it.effect(
    "no host found is Unreachable of scope relay, even when the DNS is certain: no bounce for our mistake",
    () =>
      Effect.gen(function* () {
        for (const fault of ["NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED"] as const) {
          const router = relay(["smtp2.example.net"], {}, { faults: { "smtp2.example.net": fault } })
          const failed = yield* Effect.flip(routed("example.com", router))
          assert.strictEqual(failed._tag, "Unreachable")
          assert.deepInclude(failed, { stage: "route", scope: "relay", next: "later", enhanced: "4.4.4" })
          assert.include(failed.reason, "smtp2.example.net")
        }
      })
  )

  it.effect("what is not a domain is 5.1.3 here, too", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(routed("a..b", relay(["192.0.2.1"])))
      assert.deepInclude(failed, { _tag: "PermFailure", enhanced: "5.1.3" })
    })
  )
})

describe("layerStatic", () => {
  const table = Router.layerStatic({
    "Example.com.": {
      hosts: [{ name: "MX.example.com.", addresses: ["192.0.2.1", "192.0.2.2", "2001:db8::1"] }, "192.0.2.3"],
      destination: "slow lane",
      port: 2525,
      tls: TlsPolicy.none
    },
    "[192.0.2.77]": { hosts: ["192.0.2.78"] },
    "*": { hosts: ["2001:db8::9"], implicitTls: true }
  })

  it.effect("a domain goes where its row says", () =>
    Effect.gen(function* () {
      const found = yield* routed("EXAMPLE.com", table)
      assert.deepInclude(found, {
        domain: "example.com",
        destination: "slow lane",
        kind: "static",
        port: 2525,
        tls: TlsPolicy.none
      })
      assert.deepStrictEqual(names(found), ["mx.example.com", "192.0.2.3"])
      assert.deepStrictEqual(addresses(found), ["192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"])
    })
  )

  it.effect("a literal has its own row, and all others the row *", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(addresses(yield* routed("[192.0.2.77]", table)), ["192.0.2.78"])
      for (const domain of ["example.net", "[192.0.2.1]", "__proto__", "constructor"]) {
        const found = yield* routed(domain, table)
        assert.deepInclude(found, { domain, destination: domain, port: 465, tls: TlsPolicy.required })
        assert.deepStrictEqual(addresses(found), ["2001:db8::9"])
      }
    })
  )

  it.effect("without the row * other domains are 5.4.4", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(routed("constructor", Router.layerStatic({})))
      assert.deepInclude(failed, { _tag: "PermFailure", enhanced: "5.4.4", next: "never" })
      assert.include(failed.message, "a row named *")
    })
  )
})

describe("layerTest", () => {
  const found = Route.make({ domain: "example.com", hosts: [{ name: "mx.example.com", addresses: ["192.0.2.1"] }] })
  const down = Failure.unreachable({ stage: "route", scope: "domain", next: "later", reason: "no answer" })

  it.effect("answers from its table, records what it was asked, and can be told another answer", () =>
    Effect.gen(function* () {
      const router = yield* Router.Router
      const test = yield* Router.TestRouter
      assert.strictEqual(yield* Effect.flip(router.route("Example.com")), down)
      yield* test.answer("example.COM.", found)
      assert.strictEqual(yield* router.route("example.com"), found)
      assert.deepInclude(yield* Effect.flip(router.route("example.net")), { _tag: "PermFailure", enhanced: "5.4.4" })
      assert.deepInclude(yield* Effect.flip(router.route("a..b")), { _tag: "PermFailure", enhanced: "5.1.3" })
      assert.deepStrictEqual(yield* test.asked, ["Example.com", "example.com", "example.net", "a..b"])
    }).pipe(Effect.provide(Router.layerTest({ "example.com": down })))
  )
})

describe("options are checked when a layer is built", () => {
  const dns = StaticDns.layer({ zone: {} })

  const wrongMx: ReadonlyArray<readonly [option: string, options: Router.MxOptions]> = [
    ["port", { port: 0 }],
    ["port", { port: 65536 }],
    ["port", { port: 25.5 }],
    ["maxHosts", { maxHosts: 0 }],
    ["maxHosts", { maxHosts: Number.NaN }],
    ["maxHosts", { maxHosts: 101 }],
    ["maxAddressesPerHost", { maxAddressesPerHost: -1 }],
    ["selfNames[1]", { selfNames: ["mail.example.com", "mail..example.com"] }],
    ["selfNames[0]", { selfNames: ["."] }],
    ["selfNames[0]", { selfNames: ["192.0.2.1"] }],
    ["selfAddresses[0]", { selfAddresses: ["mail.example.com"] }],
    ["selfAddresses[0]", { selfAddresses: ["[192.0.2.1]"] }],
    ["timeout", { timeout: 0 }],
    ["timeout", { timeout: "-1 seconds" }],
    // The next two cannot be written in TypeScript; configuration files can hold them.
    ["family", JSON.parse('{"family":"ipv4"}')],
    ["privateAddresses", JSON.parse('{"privateAddresses":"deny"}')]
  ]

  for (const [option, options] of wrongMx) {
    it.effect(`layerMx refuses ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const error = yield* invalid(Router.layerMx(options).pipe(Layer.provide(dns)))
        assert.instanceOf(error, Router.InvalidOption)
        assert.include(error.message, `option ${option}: `)
      })
    )
  }

  const wrongRelays: ReadonlyArray<readonly [option: string, hosts: ReadonlyArray<string>, Router.RelayOptions?]> = [
    ["hosts[1]", ["smtp.example.net", "smtp example.net"]],
    ["hosts[0]", ["smtp.example.net:587"]],
    ["hosts[0]", [""]],
    ["hosts[0]", ["[smtp.example.net"]],
    ["hosts[0]", ["300.0.2.1"]],
    ["port", ["smtp.example.net"], { port: -1 }],
    ["maxAddressesPerHost", ["smtp.example.net"], { maxAddressesPerHost: 0 }],
    ["timeout", ["smtp.example.net"], { timeout: 0 }]
  ]

  for (const [option, [first = "", ...others], options] of wrongRelays) {
    it.effect(`layerRelay refuses ${JSON.stringify([[first, ...others], options])}`, () =>
      Effect.gen(function* () {
        const error = yield* invalid(Router.layerRelay([first, ...others], options).pipe(Layer.provide(dns)))
        assert.instanceOf(error, Router.InvalidOption)
        assert.include(error.message, `option ${option}: `)
      })
    )
  }

  it.effect("a relay needs a host, and the hint about a port says where it belongs", () =>
    Effect.gen(function* () {
      const none = yield* invalid(Router.layerRelay(JSON.parse("[]")).pipe(Layer.provide(dns)))
      assert.include(none.message, "option hosts: there is no host")
      const port = yield* invalid(Router.layerRelay(["smtp.example.net:587"]).pipe(Layer.provide(dns)))
      assert.include(port.message, "Give the port of all hosts as the option port")
    })
  )

  const wrongTables: ReadonlyArray<readonly [option: string, table: Record<string, Router.StaticRoute>]> = [
    ["table", { "a..b": { hosts: ["192.0.2.1"] } }],
    ['table["example.com"]', { "example.com": JSON.parse('{"hosts":[]}') }],
    ['table["example.com"].hosts[1]', { "example.com": { hosts: ["192.0.2.1", "mx.example.com"] } }],
    ['table["example.com"].hosts[0].name', { "example.com": { hosts: [{ name: "a..b", addresses: ["192.0.2.1"] }] } }],
    [
      'table["example.com"].hosts[0].addresses[0]',
      { "example.com": { hosts: [{ name: "a.example", addresses: ["192.0.2.256"] }] } }
    ],
    [
      'table["example.com"].hosts[0].addresses',
      { "example.com": JSON.parse('{"hosts":[{"name":"a.example","addresses":[]}]}') }
    ],
    ['table["example.com"].port', { "example.com": { hosts: ["192.0.2.1"], port: 0 } }]
  ]

  for (const [option, table] of wrongTables) {
    it.effect(`layerStatic refuses ${JSON.stringify(table)}`, () =>
      Effect.gen(function* () {
        const error = yield* invalid(Router.layerStatic(table))
        assert.instanceOf(error, Router.InvalidOption)
        assert.include(error.message, `option ${option}: `)
      })
    )
  }
})
