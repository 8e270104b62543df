import type * as Dns from "effect/net/Dns"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as StaticDns from "./support/faultyDns.ts"
import { addresses, assertUnreachable, names, route, zoneOf } from "./support/route.ts"

const small = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

// Few names and few addresses, so that hosts and addresses come twice; 9 and above is an address that is refused.
const Host = Schema.Struct({
  preference: small(3),
  name: small(12),
  addresses: Schema.Array(small(11)).check(Schema.isMaxLength(6)),
  fault: Schema.Literals(["none", "none", "none", "NXDOMAIN", "SERVFAIL"])
})

const Mail = Schema.Array(Host).check(Schema.isBetweenLength(1, 14))

const ip = (index: number): string =>
  index >= 9 ? `127.0.0.${index}` : index % 2 === 0 ? `192.0.2.${index}` : `2001:db8::${index}`

const world = (hosts: typeof Mail.Type): StaticDns.Options => ({
  zone: {
    records: {
      "example.com": hosts.map((host) => StaticDns.mx(host.preference, `h${host.name}.example`)),
      ...Object.fromEntries(
        hosts.map((host) => [`h${host.name}.example`, host.addresses.map((index) => StaticDns.address(ip(index)))])
      )
    }
  },
  faults: Object.fromEntries(
    hosts.flatMap((host) => (host.fault === "none" ? [] : [[`h${host.name}.example`, host.fault]]))
  )
})

const limits = { maxHosts: 4, maxAddressesPerHost: 3 }

const hasTrouble = (host: typeof Host.Type, dns: StaticDns.Options) =>
  dns.faults?.[`h${host.name}.example`] === "SERVFAIL"

const usable = (records: ReadonlyArray<Dns.DnsRecord>) =>
  records.some(
    (record) => (record._tag === "A" || record._tag === "AAAA") && !String(record.address).startsWith("127.")
  )

const many = (each: (index: number) => ReadonlyArray<Dns.DnsRecord>): Dns.StaticZone => ({
  records: {
    "example.com": Array.from({ length: 10_000 }, (_, index) => StaticDns.mx(index % 7, `h${index}.example`)),
    ...Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`h${index}.example`, each(index)]))
  }
})

describe("every route", () => {
  it.effect.prop(
    "respects preferences, limits and refused addresses and has no address twice",
    { hosts: Mail },
    ({ hosts }) =>
      Effect.gen(function* () {
        const dns = world(hosts)
        const outcome = yield* Effect.result(route("example.com", dns, limits))
        if (outcome._tag === "Failure") {
          // Without trouble a failure is certain, with it never.
          assert.strictEqual(outcome.failure._tag === "PermFailure", !hosts.some((host) => hasTrouble(host, dns)))
          return
        }
        const found = outcome.success
        const preferences = found.hosts.map((host) => host.preference)
        assert.deepStrictEqual(
          preferences,
          preferences.toSorted((a, b) => a - b)
        )
        assert.isAtMost(found.hosts.length, limits.maxHosts)
        assert.isTrue(found.hosts.every((host) => host.addresses.length <= limits.maxAddressesPerHost))
        assert.strictEqual(new Set(names(found)).size, found.hosts.length)
        const all = addresses(found)
        assert.strictEqual(new Set(all).size, all.length)
        assert.isFalse(all.some((address) => address.startsWith("127.")))
        for (const host of found.hosts) {
          const listed = hosts.filter(({ name }) => `h${name}.example` === host.name)
          assert.strictEqual(host.preference, Math.min(...listed.map(({ preference }) => preference)))
        }
      })
  )

  it.effect.prop("no better host is left out that could be used", { hosts: Mail }, ({ hosts }) =>
    Effect.gen(function* () {
      const dns = world(hosts)
      const found = yield* Effect.orElseSucceed(route("example.com", dns, { ...limits, maxHosts: 1 }), () => undefined)
      const good = hosts.filter(
        ({ name }) =>
          dns.faults?.[`h${name}.example`] === undefined && usable(dns.zone.records?.[`h${name}.example`] ?? [])
      )
      const [first] = found?.hosts ?? []
      // With one host per route four are looked up at most, so a usable one may not be seen at all.
      if (first !== undefined) {
        assert.strictEqual(first.preference, Math.min(...good.map(({ preference }) => preference)))
      }
    })
  )
})

describe("the random order of equal preferences (DNS-007, V-100)", () => {
  const zone = zoneOf("example.com", {
    "a.example": [10, "192.0.2.1"],
    "b.example": [10, "192.0.2.2"],
    "c.example": [10, "192.0.2.3"],
    "z.example": [20, "192.0.2.26"]
  })

  it.effect("gives each of the six orders its share of 600 runs", () =>
    Effect.gen(function* () {
      const counts = new Map<string, number>()
      for (let seed = 0; seed < 600; seed++) {
        const found = yield* Random.withSeed(route("example.com", { zone }), `seed ${seed}`)
        const order = names(found).join(" ")
        counts.set(order, (counts.get(order) ?? 0) + 1)
      }
      assert.strictEqual(counts.size, 6)
      // The standard deviation is 9.1, so that a fair shuffle stays within 100 +- 46 but for one run in two million.
      for (const [order, count] of counts) {
        assert.isTrue(order.endsWith("z.example"))
        assert.isTrue(Math.abs(count - 100) < 46, `${order}: ${count}`)
      }
    })
  )

  it.effect("is the same for the same seed, and is made anew at every call", () =>
    Effect.gen(function* () {
      const twenty = Effect.replicateEffect(Effect.map(route("example.com", { zone }), names), 20)
      const [one, two] = [yield* Random.withSeed(twenty, "x"), yield* Random.withSeed(twenty, "x")]
      assert.deepStrictEqual(one, two)
      assert.isAbove(new Set(one.map((order) => order.join(" "))).size, 1)
    })
  )
})

describe("a domain with 10 000 mail servers", () => {
  it.effect("costs one round of lookups and gives a bounded route", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const zone = many((index) => [StaticDns.address(`192.${index % 100}.2.${Math.floor(index / 100)}`)])
      const found = yield* route("example.com", { zone, onQuestion: (question) => asked.push(question) })
      assert.strictEqual(found.hosts.length, 5)
      assert.isTrue(found.hosts.every((host) => host.preference === 0))
      assert.strictEqual(asked.length, 1 + 5 * 2)
      assert.deepStrictEqual(found.notes, ["9995 more mail servers are beyond the limits of a route"])
    })
  )

  it.effect("none of which resolves is given up after a bounded number of lookups, for now", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const zone = many(() => [])
      const onQuestion = (question: string) => asked.push(question)
      const failed = yield* Effect.flip(route("example.com", { zone, onQuestion }))
      assertUnreachable(failed, "4.4.4", /and 17 more; 9980 were not looked up$/)
      assert.strictEqual(asked.length, 1 + 20 * 2)
      assert.isBelow(failed.message.length, 500)
    })
  )

  it.effect("and one host with 10 000 addresses is no longer than any other", () =>
    Effect.gen(function* () {
      const ips = Array.from({ length: 10_000 }, (_, index) => `192.${index % 100}.2.${Math.floor(index / 100)}`)
      const found = yield* route("example.com", { zone: zoneOf("example.com", { "mx.example": [10, ...ips] }) })
      assert.deepStrictEqual(addresses(found), ips.slice(0, 4))
    })
  )
})
