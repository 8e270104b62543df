import * as Route from "@effect-mail/dns/Route"
import * as Endpoint from "@effect-mail/protocol/Endpoint"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import { assert, describe, it } from "@effect/vitest"

const hosts = [{ name: "mx.example.com", addresses: ["192.0.2.1"] }] as const

describe("make", () => {
  it("fills in what a plain mail server needs", () => {
    assert.deepInclude(Route.make({ domain: "example.com", hosts }), {
      domain: "example.com",
      destination: "example.com",
      kind: "static",
      port: 25,
      implicitTls: false,
      tls: TlsPolicy.opportunistic,
      notes: []
    })
  })

  it("with TLS from the first byte it takes port 465 and a verified certificate (RFC 8314)", () => {
    const route = Route.make({ domain: "example.com", hosts, implicitTls: true })
    assert.deepInclude(route, { port: 465, tls: TlsPolicy.required })
  })

  it("gives hosts their position as preference, unless they have one", () => {
    const route = Route.make({ domain: "example.com", hosts: [...hosts, ...hosts, { ...hosts[0], preference: 50 }] })
    assert.deepStrictEqual(
      route.hosts.map((host) => host.preference),
      [0, 1, 50]
    )
  })

  it("refuses a port that is none", () => {
    assert.throws(() => Route.make({ domain: "example.com", hosts, port: 0 }))
    assert.throws(() => Route.make({ domain: "example.com", hosts, port: 65536 }))
  })
})

describe("endpoints", () => {
  it("are in the order to try: hosts, and within each its addresses", () => {
    const route = Route.make({
      domain: "example.com",
      hosts: [
        { name: "mx1.example.com", addresses: ["2001:db8::1", "192.0.2.1"] },
        { name: "mx2.example.com", addresses: ["192.0.2.2"] }
      ]
    })
    assert.deepStrictEqual(Route.endpoints(route).map(Endpoint.format), [
      "mx1.example.com[2001:db8::1]:25",
      "mx1.example.com[192.0.2.1]:25",
      "mx2.example.com[192.0.2.2]:25"
    ])
  })
})

it("a host's own TLS policy goes before that of its route", () => {
  const route = Route.make({
    domain: "example.com",
    hosts: [
      { name: "mx1.example.com", addresses: ["192.0.2.1"], tls: TlsPolicy.required },
      { name: "mx2.example.com", addresses: ["192.0.2.2"] }
    ]
  })
  assert.deepStrictEqual(
    Route.endpoints(route).map(({ tls }) => tls),
    [TlsPolicy.required, TlsPolicy.opportunistic]
  )
})
