/** Routing over real name servers: Knot DNS as the authority and Unbound as the validating resolver, on loopback. */
import * as Resolver from "@effect-mail/dns/Resolver"
import * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"
import * as NodeResolver from "@effect-mail/node/NodeResolver"
import { ResolverContract, RouterContract, TimeLapse } from "@effect-mail/testing"
import * as NodeDns from "@effect/platform-node/NodeDns"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { Dns } from "effect/net"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as DnsPeers from "./support/dnsPeers.ts"

const bin = Path.resolve(import.meta.dirname, "../packages/cli/src/bin.ts")

const scope = Scope.makeUnsafe()

// The zone of the contract as a file; the SOA record is that of all zones here, and has the same times.
const contractZone = {
  "contract.example": Object.entries<ReadonlyArray<string>>(ResolverContract.zone)
    .flatMap(([name, records]) => records.map((record) => `${name} ${record}`))
    .filter((line) => !line.includes(" SOA "))
    .map((line) => line.replace(/contract\.example/g, "$&."))
    .join("\n")
}

const servers =
  DnsPeers.missing === undefined ? await Effect.runPromise(Scope.provide(DnsPeers.start(contractZone), scope)) : ""

const impatient = { servers: [servers], timeout: "2 seconds", tries: 1 } as const

const resolver = NodeResolver.layer(impatient)

// c-ares gives up as late as it wants without these.
const system = Layer.effect(Dns.Dns, NodeDns.make({ nameServers: [servers], timeout: "2 seconds", tries: 1 }))

const layers = {
  layerResolver: Router.layerResolver().pipe(Layer.provide(resolver)),
  layerMx: Router.layerMx().pipe(Layer.provide(system)),
  "NodeResolver.layerRouter, with its cache": NodeResolver.layerRouter({ resolver: impatient })
}

const ask = <A, E>(query: Effect.Effect<A, E, Resolver.Resolver>) => Effect.provide(query, Layer.orDie(resolver))

const query = <T extends "A" | "MX" | "TLSA" | "TXT" | "PTR">(name: string, type: T) =>
  ask(Effect.flatMap(Resolver.Resolver, (resolver) => resolver.query(name, type)))

interface Case {
  readonly domain: string
  /** The hosts with their addresses, or the failure. */
  readonly expected: ReadonlyArray<string> | readonly [tag: "PermFailure" | "Unreachable", enhanced: string]
  /** What must be said in the notes or in the reason. */
  readonly says?: RegExp
}

const isFailure = (expected: Case["expected"]): boolean =>
  expected[0] === "PermFailure" || expected[0] === "Unreachable"

const cases: Readonly<Record<string, Case>> = {
  "CLASS-03: a name that does not exist": {
    domain: "nowhere.example",
    expected: ["PermFailure", "5.1.2"]
  },
  "CLASS-03: an alias of a name that does not exist": {
    domain: "dangling.example",
    expected: ["PermFailure", "5.1.2"]
  },
  "CLASS-04: no MX record, hence the domain itself": {
    domain: "implicit.example",
    expected: ["implicit.example[192.0.2.10]:25"]
  },
  "CLASS-05: neither an MX record nor an address": { domain: "nothing.example", expected: ["PermFailure", "5.4.4"] },
  "CLASS-06: the name servers know nothing of the domain (lame)": {
    domain: "mail.down.test",
    expected: ["Unreachable", "4.4.3"],
    says: /SERVFAIL/
  },
  "CLASS-06: aliases in a circle": { domain: "loop.example", expected: ["Unreachable", "4.4.3"] },
  "CLASS-06: the resolver refuses": { domain: "refused.example", expected: ["Unreachable", "4.4.3"], says: /refused/ },
  "CLASS-06: the resolver is silent": { domain: "silent.example", expected: ["Unreachable", "4.4.3"], says: /in time/ },
  "CLASS-06: DNSSEC signatures that are wrong": { domain: "bogus.test", expected: ["Unreachable", "4.4.3"] },
  "CLASS-07: a null MX": { domain: "null.example", expected: ["PermFailure", "5.1.10"] },
  "CLASS-08: a null MX beside another": {
    domain: "mixed.example",
    expected: ["mx1.example.com[2001:db8::1]:25", "mx1.example.com[192.0.2.1]:25"],
    says: /null MX stands beside/
  },
  "CLASS-09: one host does not exist": {
    domain: "partly.example",
    expected: ["mx1.example.com[2001:db8::1]:25", "mx1.example.com[192.0.2.1]:25"],
    says: /missing1\.example does not exist/
  },
  "CLASS-09: one host cannot be looked up": {
    domain: "half.example",
    expected: ["mx1.example.com[2001:db8::1]:25", "mx1.example.com[192.0.2.1]:25"],
    says: /mx\.down\.test/
  },
  "CLASS-10: no host exists": { domain: "gone.example", expected: ["PermFailure", "5.4.4"] },
  "CLASS-10: no host has an address": { domain: "noaddress.example", expected: ["PermFailure", "5.4.4"] },
  "CLASS-10: no host can be found, and that is not certain": {
    domain: "shaky.example",
    expected: ["Unreachable", "4.4.4"]
  },
  "CLASS-12: a private address": { domain: "private.example", expected: ["PermFailure", "5.4.4"] },
  "CLASS-12: a loopback address": { domain: "local.example", expected: ["PermFailure", "5.4.4"] },
  "DNS-002: the domain is an alias": {
    domain: "alias.example",
    expected: [
      "mx1.example.com[2001:db8::1]:25",
      "mx1.example.com[192.0.2.1]:25",
      "mx3.example.com[192.0.2.3]:25",
      "mx2.example.com[192.0.2.2]:25"
    ]
  },
  "DNS-009: the host is an alias": {
    domain: "toalias.example",
    expected: ["mxalias.example[2001:db8::1]:25", "mxalias.example[192.0.2.1]:25"]
  },
  "DNS-015: a host with IPv6 only": { domain: "ipv6.example", expected: ["mx6.example[2001:db8::6]:25"] },
  "DNS-025: an answer that does not fit into a datagram": {
    domain: "big.example",
    expected: [1, 2, 3, 4, 5].map(
      (n) => `a-rather-long-name-of-a-mail-server-number-${n - 1}.example[192.0.2.${n}]:25`
    ),
    says: /beyond the limits/
  },
  "a domain with an underscore": {
    domain: "_odd.example",
    expected: ["mx1.example.com[2001:db8::1]:25", "mx1.example.com[192.0.2.1]:25"]
  }
}

const show = ({
  address,
  host,
  port
}: {
  readonly host: string
  readonly address?: string | undefined
  readonly port: number
}) => `${host}[${address}]:${port}`

describe.skipIf(DnsPeers.missing !== undefined)(DnsPeers.missing ?? "Knot DNS and Unbound", () => {
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  describe("NodeResolver keeps the contract of Resolver", () => {
    for (const { effect, name } of ResolverContract.cases(resolver, { down: "mail.down.test" })) {
      it.live(name, () => effect)
    }
  })

  for (const [name, layer] of Object.entries(layers)) {
    describe(`${name} keeps the contract of Router`, () => {
      for (const { effect, name } of RouterContract.cases(layer, { unreachable: "mail.down.test" })) {
        it.live(name, () => effect)
      }
    })

    describe(`${name} over real name servers`, () => {
      for (const [title, { domain, expected, says }] of Object.entries(cases)) {
        const silent = domain === "silent.example"
        // The system's resolver has timers of its own, which nobody waits for; a zone with faults stands in for it.
        if (silent && name === "layerMx") continue
        const patient = <A, E>(test: Effect.Effect<A, E>) =>
          silent ? it.effect(title, () => TimeLapse.run(test)) : it.live(title, () => test)
        patient(
          Effect.gen(function* () {
            const router = yield* Router.Router
            if (isFailure(expected)) {
              const failed = yield* Effect.flip(router.route(domain))
              assert.deepStrictEqual([failed._tag, failed.enhanced], [...expected])
              // What Node.js says of trouble is less than what the DNS said.
              if (says !== undefined && name !== "layerMx") assert.match(failed.reason, says)
            } else {
              const route = yield* router.route(domain)
              assert.sameMembers(Route.endpoints(route).map(show), [...expected])
              if (says !== undefined) assert.match(route.notes.join("\n"), says)
            }
          }).pipe(Effect.provide(Layer.orDie(layer)))
        )
      }

      it.live("V-100, DNS-007: equal hosts come first in either order, the others behind them", () =>
        Effect.gen(function* () {
          const router = yield* Router.Router
          const orders = yield* Effect.forEach(Array.from({ length: 40 }), () =>
            Effect.map(router.route("example.com"), ({ hosts }) => hosts.map((host) => host.name).join(" "))
          )
          assert.sameMembers(
            [...new Set(orders)],
            ["mx1.example.com mx3.example.com mx2.example.com", "mx3.example.com mx1.example.com mx2.example.com"]
          )
        }).pipe(Effect.provide(Layer.orDie(layer)))
      )
    })
  }

  describe("effect-mail", () => {
    const run = (...args: ReadonlyArray<string>) =>
      Effect.callback<{ readonly status: number; readonly out: string; readonly error: string }>((resume) => {
        const child = ChildProcess.execFile(
          process.execPath,
          ["--conditions=source", bin, ...args, "--resolver", servers],
          (_, out, error) => resume(Effect.succeed({ status: child.exitCode ?? -1, out, error }))
        )
      })

    it.live(
      "route --json prints a line for each domain, hosts in the order to try, and ends as send does",
      () =>
        Effect.gen(function* () {
          const { out, status } = yield* run(
            "route",
            "ipv6.example",
            "null.example",
            "bogus.test",
            "[192.0.2.1]",
            "--json"
          )
          assert.strictEqual(status, 75)
          assert.deepStrictEqual(
            out
              .trimEnd()
              .split("\n")
              .map((line) => JSON.parse(line)),
            [
              {
                domain: "ipv6.example",
                outcome: "route",
                reason: null,
                enhanced: null,
                hosts: [{ host: "mx6.example", preference: 10, addresses: ["2001:db8::6"] }]
              },
              {
                domain: "null.example",
                outcome: "perm",
                reason: "the domain null.example says that it accepts no mail (null MX)",
                enhanced: "5.1.10",
                hosts: []
              },
              {
                domain: "bogus.test",
                outcome: "unreachable",
                reason:
                  "the mail servers of bogus.test could not be looked up: the DNSSEC signatures of the domain are wrong",
                enhanced: "4.4.3",
                hosts: []
              },
              {
                domain: "[192.0.2.1]",
                outcome: "route",
                reason: null,
                enhanced: null,
                hosts: [{ host: "192.0.2.1", preference: 0, addresses: ["192.0.2.1"] }]
              }
            ]
          )
        }),
      20_000
    )

    it.live(
      "route ends with 0 when there is a route to every domain, with 69 when there is none to one of them for good",
      () =>
        Effect.gen(function* () {
          const good = yield* run("route", "mixed.example")
          assert.strictEqual(good.status, 0)
          assert.match(
            good.out,
            /^mixed\.example:\n {2}10 mx1\.example\.com 2001:db8::1 192\.0\.2\.1\n {2}note: a null MX/
          )
          const bad = yield* run("route", "mixed.example", "nowhere.example")
          assert.strictEqual(bad.status, 69)
          assert.match(bad.out, /nowhere\.example: no route: .*does not exist.* \(5\.1\.2\)/)
        }),
      20_000
    )

    it.live(
      "check says what receivers will find, and ends with 69 when that is bad",
      () =>
        Effect.gen(function* () {
          const good = yield* run("check", "example.com", "--selector", "s1", "--ip", "192.0.2.1", "--json")
          const report = JSON.parse(good.out)
          assert.deepStrictEqual([good.status, report.domain, report.worst], [0, "example.com", "ok"])
          const bad = yield* run("check", "example.com", "--selector", "s2", "--ip", "192.0.2.9")
          assert.strictEqual(bad.status, 69)
          assert.match(bad.out, /ERROR {3}dkim: There is no DKIM key at s2\._domainkey\.example\.com/)
          assert.match(bad.out, /ERROR {3}ptr: 192\.0\.2\.9 is called mx1\.example\.com, but/)
          assert.match((yield* run("check", "spfloop.example")).out, /ERROR {3}spf: .*more than 10 lookups/)
          assert.match((yield* run("check", "spfmany.example")).out, /ERROR {3}spf: .*more than/)
        }),
      20_000
    )
  })

  describe("Resolver over real name servers", () => {
    it.live(
      "says how long an answer holds: the least of its records, or what the SOA record says (RFC 2308, DNS-020)",
      () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* query("ttl.example.com", "A")).ttl, 200)
          for (const [name, rcode] of [
            ["absent.example", "NXDOMAIN"],
            ["ttl.example.com", "NOERROR"]
          ] as const) {
            const nothing = yield* query(name, "MX")
            assert.deepInclude(nothing, { rcode, records: [] })
            // The resolver may have had the SOA record for some seconds.
            assert.isAbove(nothing.ttl, 60)
            assert.isAtMost(nothing.ttl, 120)
          }
        })
    )

    it.live("says that DNSSEC proved an answer (AD), a TLSA record's and the absence of one, too (DNS-024)", () =>
      Effect.gen(function* () {
        assert.isTrue((yield* query("secure.test", "MX")).authenticated)
        assert.isTrue((yield* query("none.secure.test", "TLSA")).authenticated)
        assert.isFalse((yield* query("example.com", "MX")).authenticated)
        const { authenticated, records } = yield* query("_25._tcp.mx.secure.test", "TLSA")
        assert.isTrue(authenticated)
        assert.deepStrictEqual(
          records.map(({ data, matching, selector, usage }) => [usage, selector, matching, data]),
          [[3, 1, 1, new Uint8Array(32).fill(0xab)]]
        )
      })
    )

    it.live("tells a wrong signature from servers that fail", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(query("bogus.test", "MX"))).reason, "Bogus")
        assert.strictEqual((yield* Effect.flip(query("mail.down.test", "MX"))).reason, "ServerFailure")
        assert.strictEqual((yield* Effect.flip(query("refused.example", "MX"))).reason, "Refused")
        assert.strictEqual((yield* Effect.flip(query("silent.example", "MX"))).reason, "Timeout")
      })
    )

    it.live("takes the AD bit from nobody whose word is not trusted", () =>
      Effect.gen(function* () {
        const resolver = yield* Resolver.Resolver
        assert.isFalse((yield* resolver.query("secure.test", "MX")).authenticated)
      }).pipe(Effect.provide(Layer.orDie(NodeResolver.layer({ servers: [servers], trustAd: "never" }))))
    )

    it.live("asks again over TCP when the answer is truncated (DNS-025)", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* query("big.example", "MX")).records.length, 120)
      })
    )

    it.live("answers many questions at once, each with its own answer, from more than one port", () =>
      Effect.gen(function* () {
        const resolver = yield* Resolver.Resolver
        const names = Array.from({ length: 120 }, (_, n) => n)
        const answers = yield* Effect.forEach(
          names,
          (n) => resolver.query(`a-rather-long-name-of-a-mail-server-number-${n}.example`, "A"),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          answers.map(({ records }) => records.map(({ address }) => String(address))),
          names.map((n) => [`192.0.2.${n + 1}`])
        )
      }).pipe(Effect.provide(Layer.orDie(resolver)))
    )

    it.live("a resolver that does not listen is known at once, not after the time limit", () =>
      Effect.gen(function* () {
        const context = yield* Layer.build(NodeResolver.layer({ servers: ["127.0.0.1:1"], timeout: "1 minute" }))
        const failed = yield* Effect.flip(Context.get(context, Resolver.Resolver).query("example.com", "MX"))
        assert.strictEqual(failed.reason, "Network")
        assert.match(failed.detail, /connection refused/)
      }).pipe(Effect.scoped)
    )
  })
})
