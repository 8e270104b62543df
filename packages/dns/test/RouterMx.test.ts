import * as Route from "@effect-mail/dns/Route"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as TestClock from "effect/testing/TestClock"
import { address, mx, text } from "./support/faultyDns.ts"
import {
  addresses,
  assertPerm,
  assertUnreachable,
  dnsOf,
  failure,
  names,
  route,
  routeBy,
  zoneOf
} from "./support/route.ts"

const three = zoneOf("example.com", {
  "mx1.example.com": [10, "192.0.2.1"],
  "mx2.example.com": [20, "192.0.2.2"],
  "mx3.example.com": [30, "192.0.2.3"]
})

// `Dns.makeRecord` refuses such a record; a foreign `Dns` service may not. Only the fields that are read matter.
const addressAsExchange = Object.create(mx(10, "x.example"), {
  _tag: { value: "MX" },
  priority: { value: 5 },
  exchange: { value: "192.0.2.9." }
})

const dnsAnswering = (records: ReadonlyArray<Dns.DnsRecord>) =>
  dnsOf({
    lookup: () => Effect.succeed([]),
    resolve: (name, type) =>
      Effect.succeed(type === "MX" ? records : name === "mx.example.com." ? [address("192.0.2.1")] : [])
  })

const tlsByDomain = (domain: string) =>
  domain === "xn--bcher-kva.example" ? TlsPolicy.requiredUnverified : TlsPolicy.none

describe("order", () => {
  it.effect("V-100, DNS-007: preferences ascend, equal ones stand together", () =>
    Effect.gen(function* () {
      const found = yield* route("example.com", {
        zone: zoneOf("example.com", {
          "c.example.com": [20, "192.0.2.3"],
          "b.example.com": [10, "192.0.2.2"],
          "a.example.com": [10, "192.0.2.1"],
          "z.example.com": [5, "192.0.2.26"]
        })
      })
      const [first, second, third, last] = names(found)
      assert.deepStrictEqual([first, last], ["z.example.com", "c.example.com"])
      assert.sameMembers([second, third], ["a.example.com", "b.example.com"])
      assert.deepStrictEqual(
        found.hosts.map((host) => host.preference),
        [5, 10, 10, 20]
      )
    })
  )

  it.effect("DNS-016: address families alternate, IPv6 first, and keep the resolver's order within each", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", {
        "mx.example.com": [10, "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::1"]
      })
      const found = yield* route("example.com", { zone }, { maxAddressesPerHost: 5 })
      assert.deepStrictEqual(addresses(found), ["2001:db8::2", "192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"])
    })
  )

  it.effect("an address that two hosts share is tried once, with the preferred one", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", {
        "mx1.example.com": [10, "192.0.2.1", "192.0.2.2"],
        "mx2.example.com": [20, "192.0.2.2", "192.0.2.3"],
        "mx3.example.com": [30, "192.0.2.1"]
      })
      const found = yield* route("example.com", { zone })
      assert.deepStrictEqual(addresses(found), ["192.0.2.1", "192.0.2.2", "192.0.2.3"])
      assert.deepStrictEqual(found.notes, ["left out: mx3.example.com has only addresses of more preferred hosts"])
    })
  )

  it.effect("a host listed twice is tried once, with its best preference", () =>
    Effect.gen(function* () {
      const found = yield* route("example.com", {
        zone: {
          records: {
            "example.com": [mx(30, "mx1.example.com"), mx(20, "mx2.example.com"), mx(10, "mx1.example.com.")],
            "mx1.example.com": [address("192.0.2.1")],
            "mx2.example.com": [address("192.0.2.2")]
          }
        }
      })
      assert.deepStrictEqual(names(found), ["mx1.example.com", "mx2.example.com"])
    })
  )

  it.effect("endpoints are hosts in order, each with its addresses in order", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", {
        "mx1.example.com": [10, "192.0.2.1", "2001:db8::1"],
        "mx2.example.com": [20, "192.0.2.2"]
      })
      const found = yield* route("example.com", { zone }, { port: 2525, tls: () => TlsPolicy.required })
      assert.deepStrictEqual(
        Route.endpoints(found).map((at) => [at.host, at.address, at.port, at.tls, at.implicitTls, at.protocol]),
        [
          ["mx1.example.com", "2001:db8::1", 2525, TlsPolicy.required, false, "smtp"],
          ["mx1.example.com", "192.0.2.1", 2525, TlsPolicy.required, false, "smtp"],
          ["mx2.example.com", "192.0.2.2", 2525, TlsPolicy.required, false, "smtp"]
        ]
      )
    })
  )
})

describe("domains without a route", () => {
  it.effect("CLASS-03, DNS-003, V-101: NXDOMAIN for MX is 5.1.2, and no address is asked for", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const failed = yield* failure("gone.example", { zone: {}, onQuestion: (question) => asked.push(question) })
      assertPerm(failed, "5.1.2", /^the domain gone\.example does not exist$/)
      assert.deepStrictEqual(asked, ["MX gone.example"])
    })
  )

  it.effect("CLASS-04, DNS-005, DNS-026, V-101: NODATA for MX makes the domain its own mail server", () =>
    Effect.gen(function* () {
      const zone = { records: { "example.com": [address("192.0.2.1"), address("2001:db8::1")] } }
      const found = yield* route("example.com", { zone })
      assert.strictEqual(found.kind, "implicit")
      assert.deepStrictEqual(found.hosts, [
        new Route.RouteHost({ name: "example.com", preference: 0, addresses: ["2001:db8::1", "192.0.2.1"] })
      ])
    })
  )

  it.effect("CLASS-05: NODATA for MX, A and AAAA is 5.4.4", () =>
    Effect.gen(function* () {
      const failed = yield* failure("example.com", { zone: { records: { "example.com": [text("no mail here")] } } })
      assertPerm(failed, "5.4.4", /neither a mail server \(MX\) nor an address/)
    })
  )

  for (const fault of ["SERVFAIL", "REFUSED", "TIMEOUT", "MALFORMED", "UNKNOWN"] as const) {
    it.effect(`CLASS-06, DNS-004, DNS-023, V-101: ${fault} for MX is Unreachable 4.4.3, never "no MX"`, () =>
      Effect.gen(function* () {
        const zone = { records: { "example.com": [address("192.0.2.1")] } }
        const asked: Array<string> = []
        const failed = yield* failure("example.com", {
          zone,
          faults: { "example.com": { MX: fault } },
          onQuestion: (question) => asked.push(question)
        })
        assertUnreachable(failed, "4.4.3", /^the mail servers of example\.com could not be looked up: /)
        assert.deepStrictEqual(asked, ["MX example.com"])
      })
    )

    it.effect(`CLASS-06: ${fault} for the addresses of an implicit mail server is Unreachable 4.4.3`, () =>
      Effect.gen(function* () {
        const zone = { records: { "example.com": [text("exists")] } }
        const failed = yield* failure("example.com", { zone, faults: { "example.com": { A: fault } } })
        assertUnreachable(failed, "4.4.3", /example\.com/)
      })
    )
  }

  it.effect("CLASS-06: a resolver that never answers is Unreachable 4.4.3 after the timeout", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        failure("example.com", { zone: {}, faults: { "example.com": "SILENCE" } }, { timeout: "7 seconds" })
      )
      yield* TestClock.adjust("6999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assertUnreachable(yield* Fiber.join(fiber), "4.4.3", /did not answer in time/)
    })
  )

  it.effect("CLASS-06: a platform that cannot ask for MX records is Unreachable 4.4.3", () =>
    Effect.gen(function* () {
      const browser = dnsOf({ lookup: () => Effect.succeed([NetAddress.ipFromStringUnsafe("192.0.2.1")]) })
      const failed = yield* Effect.flip(routeBy("example.com", browser))
      assertUnreachable(failed, "4.4.3", /not supported/)
    })
  )

  it.effect("CLASS-07, DNS-013, V-101: a null MX is 5.1.10, and no address is asked for", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const zone = { records: { "example.com": [mx(0, "."), address("192.0.2.1")] } }
      const failed = yield* failure("example.com", { zone, onQuestion: (question) => asked.push(question) })
      assertPerm(failed, "5.1.10", /accepts no mail/)
      assert.deepStrictEqual(asked, ["MX example.com"])
    })
  )

  it.effect("CLASS-08, DNS-013: a null MX beside others is dropped with a note", () =>
    Effect.gen(function* () {
      const found = yield* route("example.com", {
        zone: {
          records: { "example.com": [mx(0, "."), mx(10, "mx.example.com")], "mx.example.com": [address("192.0.2.1")] }
        }
      })
      assert.deepStrictEqual(names(found), ["mx.example.com"])
      assert.deepStrictEqual(found.notes, ["a null MX stands beside other MX records and was ignored (RFC 7505)"])
    })
  )
})

describe("mail servers that cannot be used", () => {
  it.effect("CLASS-09, DNS-010: a host without an address or with a failing lookup is skipped with a note", () =>
    Effect.gen(function* () {
      const found = yield* route("example.com", {
        zone: three,
        faults: { "mx1.example.com": "NXDOMAIN", "mx2.example.com": "SERVFAIL" }
      })
      assert.deepStrictEqual(names(found), ["mx3.example.com"])
      assert.deepStrictEqual(found.notes, [
        "left out: mx1.example.com does not exist, mx2.example.com (the domain's name servers failed: SERVFAIL)"
      ])
    })
  )

  it.effect(
    "CLASS-09, DNS-008: the next hosts take the places of those that were skipped, never more than maxHosts",
    () =>
      Effect.gen(function* () {
        const zone = zoneOf("example.com", {
          "mx1.example.com": [10, "192.0.2.1"],
          "mx2.example.com": [20, "127.0.0.1"],
          "mx3.example.com": [30, "192.0.2.3"],
          "mx4.example.com": [40, "192.0.2.4"],
          "mx5.example.com": [50, "192.0.2.5"]
        })
        const found = yield* route("example.com", { zone }, { maxHosts: 2 })
        assert.deepStrictEqual(names(found), ["mx1.example.com", "mx3.example.com"])
        assert.deepStrictEqual(found.notes, [
          "left out: mx2.example.com (127.0.0.1 is loopback)",
          "2 more mail servers are beyond the limits of a route"
        ])
      })
  )

  it.effect("CLASS-10: no host exists or has an address, all answers hard: 5.4.4", () =>
    Effect.gen(function* () {
      const failed = yield* failure("example.com", {
        zone: three,
        faults: { "mx1.example.com": "NXDOMAIN", "mx2.example.com": "NODATA", "mx3.example.com": "NXDOMAIN" }
      })
      assertPerm(failed, "5.4.4", /mx1\.example\.com does not exist, mx2\.example\.com has no address/)
    })
  )

  it.effect("CLASS-09, CLASS-10: one soft answer among hard ones is Unreachable 4.4.4", () =>
    Effect.gen(function* () {
      for (const fault of ["SERVFAIL", "REFUSED", "TIMEOUT", "MALFORMED", "UNKNOWN"] as const) {
        const failed = yield* failure("example.com", {
          zone: three,
          faults: { "mx1.example.com": "NXDOMAIN", "mx2.example.com": fault, "mx3.example.com": "NODATA" }
        })
        assertUnreachable(failed, "4.4.4", /^no mail server of example\.com could be found for now: /)
      }
    })
  )

  it.effect("DNS-006: the domain's own addresses are not used when its MX records are of no use", () =>
    Effect.gen(function* () {
      const zone = { records: { "example.com": [mx(10, "mx.example.com"), address("192.0.2.1")] } }
      assertPerm(yield* failure("example.com", { zone }), "5.4.4", /mx\.example\.com does not exist/)
    })
  )

  it.effect("DNS-015: one family is enough when the other has trouble, and a note says so", () =>
    Effect.gen(function* () {
      const found = yield* route("example.com", { zone: three, faults: { "mx1.example.com": { AAAA: "TIMEOUT" } } })
      assert.deepStrictEqual(found.hosts[0].addresses, ["192.0.2.1"])
      assert.deepStrictEqual(found.notes, [
        "one address family of mx1.example.com is unknown: the DNS did not answer in time"
      ])
    })
  )

  it.effect("DNS-015: hosts with addresses of only one family are used", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", {
        "mx4.example.com": [10, "192.0.2.1"],
        "mx6.example.com": [20, "2001:db8::1"]
      })
      assert.deepStrictEqual(addresses(yield* route("example.com", { zone })), ["192.0.2.1", "2001:db8::1"])
    })
  )

  it.effect("SMTP-284, DNS-015: with one family chosen the other is neither asked for nor used", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", {
        "mx1.example.com": [10, "2001:db8::1", "192.0.2.1"],
        "mx2.example.com": [20, "2001:db8::2"]
      })
      const asked: Array<string> = []
      const dns = { zone, onQuestion: (question: string) => asked.push(question) }
      assert.deepStrictEqual(addresses(yield* route("example.com", dns, { family: "IPv4" })), ["192.0.2.1"])
      assert.deepStrictEqual(asked.toSorted(), ["A mx1.example.com", "A mx2.example.com", "MX example.com"])
      const six = yield* route("example.com", dns, { family: "IPv6" })
      assert.deepStrictEqual(addresses(six), ["2001:db8::1", "2001:db8::2"])
    })
  )

  it.effect("DNS-015: IPv4-mapped IPv6 addresses are not used", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", { "mx.example.com": [10, "::ffff:192.0.2.1", "192.0.2.2"] })
      const found = yield* route("example.com", { zone }, { privateAddresses: "allow" })
      assert.deepStrictEqual(addresses(found), ["192.0.2.2"])
    })
  )

  it.effect("DNS-011: an MX record with an IP address as text is skipped with a note", () =>
    Effect.gen(function* () {
      const found = yield* routeBy("example.com", dnsAnswering([addressAsExchange, mx(10, "mx.example.com")]))
      assert.deepStrictEqual(names(found), ["mx.example.com"])
      assert.deepStrictEqual(found.notes, ['MX records must name a host, ignored: "192.0.2.9."'])
      const failed = yield* Effect.flip(routeBy("example.com", dnsAnswering([addressAsExchange])))
      assertPerm(failed, "5.4.4", /MX records must name a host/)
    })
  )

  it.effect("DNS-011: MX records that the platform could not even represent are 5.4.4", () =>
    Effect.gen(function* () {
      const unrepresentable = new Dns.DnsError({
        reason: "InvalidResponse",
        method: "resolve",
        hostname: "example.com.",
        recordType: "MX",
        cause: new NetAddress.NetAddressError({ input: "192.0.2.9.", message: "the last label must not be numeric" })
      })
      const dns = dnsOf({ lookup: () => Effect.succeed([]), resolve: () => Effect.fail(unrepresentable) })
      assertPerm(yield* Effect.flip(routeBy("example.com", dns)), "5.4.4", /name no valid host/)
    })
  )
})

describe("this server among the mail servers", () => {
  const zone = zoneOf("example.com", {
    "a.example.com": [10, "192.0.2.1"],
    "me.example.com": [20, "192.0.2.66", "2001:db8::66"],
    "b.example.com": [20, "192.0.2.2"],
    "c.example.com": [30, "192.0.2.3"]
  })

  it.effect("CLASS-11, DNS-012, V-102: by name, it and all that are not preferred to it are left out", () =>
    Effect.gen(function* () {
      const found = yield* route("example.com", { zone }, { selfNames: ["ME.example.com."] })
      assert.deepStrictEqual(names(found), ["a.example.com"])
      assert.deepStrictEqual(found.notes, [
        "this server is one of the mail servers; it and those not more preferred were left out"
      ])
    })
  )

  it.effect("CLASS-11, V-102: by address, whatever its name is", () =>
    Effect.gen(function* () {
      for (const own of ["192.0.2.66", "2001:DB8::66", "::ffff:192.0.2.66"]) {
        const found = yield* route("example.com", { zone }, { selfAddresses: [own] })
        assert.deepStrictEqual(names(found), ["a.example.com"])
      }
    })
  )

  it.effect("CLASS-11: an own address is found behind a host beyond maxHosts", () =>
    Effect.gen(function* () {
      const many = zoneOf("example.com", {
        "a.example.com": [10, "192.0.2.1"],
        "b.example.com": [20, "192.0.2.2"],
        "c.example.com": [20, "192.0.2.3"],
        "d.example.com": [20, "192.0.2.66"]
      })
      const found = yield* route("example.com", { zone: many }, { selfAddresses: ["192.0.2.66"], maxHosts: 2 })
      assert.deepStrictEqual(names(found), ["a.example.com"])
    })
  )

  it.effect("CLASS-11: hosts that are not preferred to this server are no hope, though they were not looked up", () =>
    Effect.gen(function* () {
      const zone = {
        records: {
          "example.com": [
            mx(10, "gone.example"),
            ...Array.from({ length: 30 }, (_, index) => mx(20, `h${index}.example`))
          ],
          ...Object.fromEntries(
            Array.from({ length: 30 }, (_, index) => [`h${index}.example`, [address("192.0.2.66")]])
          )
        }
      }
      assertPerm(
        yield* failure("example.com", { zone }, { selfAddresses: ["192.0.2.66"] }),
        "5.4.4",
        /gone\.example does not exist$/
      )
    })
  )

  it.effect("CLASS-11, V-102: nothing left is 5.4.6", () =>
    Effect.gen(function* () {
      const both = zoneOf("example.com", { "me.example.com": [10, "192.0.2.66"], "b.example.com": [10, "192.0.2.2"] })
      const byName = yield* failure("example.com", { zone: both }, { selfNames: ["me.example.com"] })
      assertPerm(byName, "5.4.6", /come back to this server/)
      const byAddress = yield* failure("example.com", { zone: both }, { selfAddresses: ["192.0.2.66"] })
      assertPerm(byAddress, "5.4.6", /come back to this server/)
    })
  )

  it.effect("CLASS-11: an implicit mail server and an address literal can be this server, too", () =>
    Effect.gen(function* () {
      const self = { selfNames: ["example.com"], selfAddresses: ["192.0.2.66"] }
      const dns = {
        zone: { records: { "example.com": [address("192.0.2.1")], "example.net": [address("192.0.2.66")] } }
      }
      for (const domain of ["example.com", "example.net", "[192.0.2.66]"]) {
        assertPerm(yield* failure(domain, dns, self), "5.4.6", /come back to this server/)
      }
    })
  )
})

describe("addresses of no public network (CLASS-12)", () => {
  const refused = [
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["10.0.0.1", "private"],
    ["100.64.0.1", "shared"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["169.254.169.254", "link-local"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["224.0.0.1", "multicast"],
    ["255.255.255.255", "reserved"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["::127.0.0.1", "embedded"],
    ["fe80::1", "link-local"],
    ["febf::1", "link-local"],
    ["fec0::1", "site-local"],
    ["fc00::1", "private"],
    ["fdff::1", "private"],
    ["ff02::1", "multicast"],
    ["64:ff9b::7f00:1", "loopback"],
    ["64:ff9b::a00:1", "private"],
    ["64:ff9b:1::1", "translation"],
    ["2002:7f00:1::1", "loopback"],
    ["2002:c0a8:101::1", "private"]
  ] as const

  const permitted = ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "2001:db8::1"]
  const translated = ["64:ff9b::c000:201", "2002:c000:201::1", "100.128.0.1", "128.0.0.1"]

  for (const [ip, why] of refused) {
    it.effect(`${ip} is refused: ${why}`, () =>
      Effect.gen(function* () {
        const zone = zoneOf("example.com", { "mx.example.com": [10, ip] })
        assertPerm(yield* failure("example.com", { zone }), "5.4.4", new RegExp(` is .*${why}`))
        const literal = ip.includes(":") ? `[IPv6:${ip}]` : `[${ip}]`
        assertPerm(yield* failure(literal, { zone: {} }), "5.4.4", new RegExp(` is .*${why}`))
      })
    )
  }

  it.effect("their neighbours are not refused, nor are translated addresses of public servers", () =>
    Effect.gen(function* () {
      for (const ip of [...permitted, ...translated]) {
        const found = yield* route("example.com", { zone: zoneOf("example.com", { "mx.example.com": [10, ip] }) })
        assert.deepStrictEqual(addresses(found), [ip])
      }
    })
  )

  it.effect("an IPv4-mapped literal is judged as the IPv4 address that it is", () =>
    Effect.gen(function* () {
      assertPerm(yield* failure("[IPv6:::ffff:127.0.0.1]", { zone: {} }), "5.4.4", /127\.0\.0\.1 is loopback/)
    })
  )

  it.effect("only the private addresses of a host are left out, and only private hosts", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", {
        "mx1.example.com": [10, "127.0.0.1"],
        "mx2.example.com": [20, "10.0.0.1", "192.0.2.2"]
      })
      const found = yield* route("example.com", { zone })
      assert.deepStrictEqual(addresses(found), ["192.0.2.2"])
      assert.deepStrictEqual(found.notes, ["left out: mx1.example.com (127.0.0.1 is loopback)"])
    })
  )

  it.effect("with one family unknown a private address of the other is no proof: Unreachable 4.4.4", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", { "mx.example.com": [10, "127.0.0.1"] })
      const failed = yield* failure("example.com", { zone, faults: { "mx.example.com": { AAAA: "SERVFAIL" } } })
      assertUnreachable(failed, "4.4.4", /SERVFAIL/)
    })
  )

  it.effect("an implicit mail server with a private address is 5.4.4", () =>
    Effect.gen(function* () {
      const zone = { records: { "example.com": [address("10.0.0.1")] } }
      assertPerm(yield* failure("example.com", { zone }), "5.4.4", /10\.0\.0\.1 is private/)
    })
  )

  it.effect("they can be allowed", () =>
    Effect.gen(function* () {
      const zone = zoneOf("example.com", { "mx.example.com": [10, "127.0.0.1", "::1"] })
      const found = yield* route("example.com", { zone }, { privateAddresses: "allow" })
      assert.deepStrictEqual(addresses(found), ["::1", "127.0.0.1"])
    })
  )
})

describe("address literals", () => {
  it.effect("DNS-018, SMTP-183, SMTP-184: they are routes without any question to the DNS", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const dns = { zone: {}, onQuestion: (question: string) => asked.push(question) }
      const four = yield* route("[192.0.2.1]", dns)
      assert.deepInclude(four, { domain: "[192.0.2.1]", destination: "[192.0.2.1]", kind: "literal" })
      assert.deepStrictEqual(
        Route.endpoints(four).map(({ host, address }) => [host, address]),
        [["192.0.2.1", "192.0.2.1"]]
      )
      const six = yield* route("[ipv6:2001:DB8:0::1]", dns)
      assert.deepInclude(six, { domain: "[IPv6:2001:db8::1]", destination: "[IPv6:2001:db8::1]", kind: "literal" })
      assert.deepStrictEqual(addresses(six), ["2001:db8::1"])
      assert.deepStrictEqual(asked, [])
    })
  )

  it.effect("one of the family that is not used is 5.4.4", () =>
    Effect.gen(function* () {
      assertPerm(yield* failure("[IPv6:2001:db8::1]", { zone: {} }, { family: "IPv4" }), "5.4.4", /not an IPv4 address/)
    })
  )
})

describe("the TLS policy", () => {
  it.effect("is opportunistic by default, or what is asked for the domain in A-labels", () =>
    Effect.gen(function* () {
      const zone = zoneOf("xn--bcher-kva.example", { "mx.example": [10, "192.0.2.1"] })
      assert.strictEqual((yield* route("Bücher.example", { zone })).tls, TlsPolicy.opportunistic)
      assert.strictEqual(
        (yield* route("Bücher.example", { zone }, { tls: tlsByDomain })).tls,
        TlsPolicy.requiredUnverified
      )
    })
  )
})

describe("foreign names", () => {
  for (const [written, what] of [
    ["\uff45xample.com", "a full-width letter"],
    ["exam\u00adple.com", "a soft hyphen"],
    ["exam\u200bple.com", "a zero-width space"],
    ["example\u3002com", "an ideographic full stop"],
    ["example\uff0ecom", "a full-width full stop"],
    ["\u212aelvin.example", "the Kelvin sign"],
    ["\ufb01.example", "a ligature"],
    ["\uff11\uff19\uff12.0.2.1", "full-width digits"]
  ] as const) {
    it.effect(`a name with ${what} is refused instead of becoming another (GHSA-wmmp-3585-3rmp)`, () =>
      Effect.gen(function* () {
        const asked: Array<string> = []
        const failed = yield* failure(written, { zone: three, onQuestion: (question) => asked.push(question) })
        assertPerm(failed, "5.1.3", /stand for others/)
        assert.deepStrictEqual(asked, [])
      })
    )
  }

  it.effect("a name beyond all measure is refused by its length alone", () =>
    Effect.gen(function* () {
      assertPerm(yield* failure("\u00fc".repeat(1_000_000), { zone: {} }), "5.1.3", /it is too long$/)
    })
  )

  it.effect("names with underscores are looked up", () =>
    Effect.gen(function* () {
      const zone = zoneOf("under_score.example", { "mx_1.example": [10, "192.0.2.1"] })
      assert.deepStrictEqual(names(yield* route("under_score.example", { zone })), ["mx_1.example"])
    })
  )
})
