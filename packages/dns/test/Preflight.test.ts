import * as Preflight from "@effect-mail/dns/Preflight"
import * as Resolver from "@effect-mail/dns/Resolver"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Wire from "./support/wire.ts"
import * as ZoneResolver from "./support/zoneResolver.ts"

const txt = (name: string, ...texts: ReadonlyArray<string>) =>
  texts.map((text) =>
    Wire.record(name, 16, Wire.bytes(...(text.match(/[^]{1,200}/g) ?? [""]).flatMap((chunk) => [chunk.length, chunk])))
  )

const spf = (text: string) => ({ "example.com": txt("example.com", text) })

const ptr = (name: string, host: string) => Wire.record(name, 12, Wire.name(host))

const rsa = (octets: number) => "A".repeat(Math.ceil(octets / 3) * 4)

const check = (zone: ZoneResolver.Zone, options?: Preflight.Options, domain = "example.com") =>
  Effect.provide(Preflight.check(domain, options), ZoneResolver.layer(zone))

type Row = readonly [
  what: string,
  zone: ZoneResolver.Zone,
  severity: Preflight.Severity,
  says: RegExp,
  options?: Preflight.Options
]

const rows = (subject: Preflight.Finding["subject"], cases: ReadonlyArray<Row>) => {
  for (const [what, zone, severity, says, options] of cases) {
    it.effect(`${what}: ${severity}`, () =>
      Effect.gen(function* () {
        const { findings } = yield* check(zone, options)
        const mine = findings.filter((finding) => finding.subject === subject)
        assert.isTrue(
          mine.some((finding) => finding.severity === severity && says.test(finding.text)),
          JSON.stringify(mine)
        )
      })
    )
  }
}

describe("MX (DNS-014, DNS-028)", () => {
  rows("mx", [
    ["mail servers", { "example.com": [Wire.mx("example.com", 10, "mx.example.com")] }, "ok", /has 1 mail server /],
    ["a null MX", { "example.com": [Wire.mx("example.com", 0, ".")] }, "error", /accepts no mail \(null MX\)/],
    ["only an address", { "example.com": [Wire.a("example.com", "192.0.2.1")] }, "warning", /no MX record/],
    ["nothing", { "example.com": [] }, "error", /neither a mail server/],
    ["no such domain", {}, "error", /does not exist/],
    ["a DNS that fails", { "example.com": 2 }, "unknown", /MX records of example\.com could not be looked up/]
  ])
})

describe("SPF (SPF-001..SPF-003, SPF-005)", () => {
  const ip = "192.0.2.7"
  rows("spf", [
    ["no record", { "example.com": txt("example.com", "v=spf10 -all", "hello") }, "error", /has no SPF record/],
    ["two records", { "example.com": txt("example.com", "v=spf1 -all", "V=SPF1 +all") }, "error", /2 SPF records/],
    ["a plain record", spf("v=spf1 ip4:192.0.2.0/24 -all"), "ok", /causes 0 of at most 10/],
    ["an unknown mechanism", spf("v=spf1 ipv4:192.0.2.1 -all"), "error", /"ipv4:192\.0\.2\.1" is unknown/],
    ["a malformed address", spf("v=spf1 ip4:192.0.2.300 -all"), "error", /has no valid address/],
    ["a network that is too long", spf("v=spf1 ip4:192.0.2.0/33 -all"), "error", /too long/],
    ["an include without a domain", spf("v=spf1 include -all"), "error", /needs something behind a colon/],
    ["two redirects", spf("v=spf1 redirect=a.example redirect=b.example"), "error", /redirect stands there twice/],
    ["everybody may", spf("v=spf1 +all"), "error", /allows everybody/],
    ["everybody may, in short", spf("v=spf1 all"), "error", /allows everybody/],
    ["no end", spf("v=spf1 ip4:192.0.2.1"), "warning", /does not say what of all others/],
    ["?all", spf("v=spf1 ?all"), "warning", /says nothing of all others/],
    ["ptr", spf("v=spf1 ptr -all"), "warning", /uses ptr/],
    ["macros", spf("v=spf1 exists:%{i}.example -all"), "info", /1 term with macros/],
    ["an include of nothing", spf("v=spf1 include:no.example -all"), "error", /no\.example, which has no SPF record/],
    [
      "an include that cannot be looked up",
      { ...spf("v=spf1 include:x.example -all"), "x.example": 2 },
      "unknown",
      /x\.example could not/
    ],
    ["an include of itself", spf("v=spf1 include:example.com -all"), "error", /more than 10 lookups/],
    ["a redirect to itself", spf("v=spf1 redirect=example.com"), "error", /more than 10 lookups/],
    [
      "eleven lookups",
      { ...spf(`v=spf1 ${Array.from({ length: 11 }, () => "a:h.example").join(" ")} -all`), "h.example": [] },
      "error",
      /more than 10 lookups/
    ],
    [
      "ten lookups",
      { ...spf(`v=spf1 ${Array.from({ length: 10 }, () => "a:h.example").join(" ")} -all`), "h.example": [] },
      "ok",
      /causes 10 of at most 10/
    ],
    [
      "three names that do not exist",
      spf("v=spf1 a:x.example a:y.example mx:z.example -all"),
      "error",
      /more than 2 of its names/
    ],
    ["two names that do not exist", spf("v=spf1 a:x.example a:y.example -all"), "ok", /causes 2/],
    ["an address that may", spf("v=spf1 ip4:192.0.2.0/24 -all"), "ok", /192\.0\.2\.7 may send .*pass/, { ip }],
    ["an address that may not", spf("v=spf1 ip4:198.51.100.0/24 -all"), "error", /may not send .*fail/, { ip }],
    ["an address that had better not", spf("v=spf1 ~all"), "warning", /softfail/, { ip }],
    [
      "an address nothing is said about",
      spf("v=spf1 ip4:198.51.100.1"),
      "warning",
      /says nothing about 192\.0\.2\.7/,
      { ip }
    ],
    ["an address just outside", spf("v=spf1 ip4:192.0.2.0/30 -all"), "error", /may not/, { ip }],
    ["an IPv6 network", spf("v=spf1 ip6:2001:db8::/32 -all"), "ok", /2001:db8::5 may send/, { ip: "2001:db8::5" }],
    ["an IPv6 address, and IPv4 networks", spf("v=spf1 ip4:0.0.0.0/0 -all"), "error", /may not/, { ip: "2001:db8::5" }],
    [
      "the domain's own address",
      { "example.com": [...txt("example.com", "v=spf1 a/24 -all"), Wire.a("example.com", "192.0.2.200")] },
      "ok",
      /may send/,
      { ip }
    ],
    [
      "a mail server",
      {
        "example.com": [...txt("example.com", "v=spf1 mx -all"), Wire.mx("example.com", 10, "mx.example.com")],
        "mx.example.com": [Wire.a("mx.example.com", ip)]
      },
      "ok",
      /may send/,
      { ip }
    ],
    [
      "an include that passes",
      { ...spf("v=spf1 include:x.example -all"), "x.example": txt("x.example", "v=spf1 ip4:192.0.2.7 -all") },
      "ok",
      /may send/,
      { ip }
    ],
    [
      "an include whose -all counts for nothing",
      { ...spf("v=spf1 include:x.example ip4:192.0.2.7 -all"), "x.example": txt("x.example", "v=spf1 -all") },
      "ok",
      /may send/,
      { ip }
    ],
    [
      "a redirect whose -all counts",
      { ...spf("v=spf1 redirect=x.example"), "x.example": txt("x.example", "v=spf1 -all") },
      "error",
      /may not/,
      { ip }
    ],
    [
      "a record in several strings",
      spf(`v=spf1 ${Array.from({ length: 30 }, (_, n) => `ip4:198.51.100.${n}`).join(" ")} ip4:192.0.2.7 -all`),
      "ok",
      /may send/,
      { ip }
    ]
  ])
})

describe("DKIM", () => {
  const key = (text: string) => ({ "s1._domainkey.example.com": txt("s1._domainkey.example.com", text) })
  const options = { selector: "s1" }
  rows("dkim", [
    ["no selector", {}, "info", /no selector/],
    ["no record", {}, "error", /no DKIM key at s1\._domainkey\.example\.com/, options],
    ["an Ed25519 key", key(`v=DKIM1; k=ed25519; p=${"A".repeat(43)}=`), "ok", /Ed25519/, options],
    ["an Ed25519 key with its wrapping", key(`v=DKIM1; k=ed25519; p=${rsa(45)}`), "error", /45 octets/, options],
    ["an RSA key of 2048 bits", key(`v=DKIM1; p=${rsa(294)};`), "ok", /2048 bits or more/, options],
    ["an RSA key of 1024 bits", key(`k=rsa; p=${rsa(162)}`), "warning", /shorter than 2048/, options],
    ["an RSA key of 512 bits", key(`p=${rsa(93)}`), "error", /shorter than 1024/, options],
    ["a key that is revoked", key("v=DKIM1; p="), "error", /revoked/, options],
    ["no key", key("v=DKIM1; k=rsa"), "error", /has no key/, options],
    ["no base64", key("v=DKIM1; p=***"), "error", /no base64/, options],
    ["another version", key("v=DKIM2; p=AAAA"), "error", /begin with v=DKIM1/, options],
    ["a version that is not first", key("p=AAAA; v=DKIM1"), "error", /begin with v=DKIM1/, options],
    ["another kind", key("v=DKIM1; k=dsa; p=AAAA"), "error", /unknown kind "dsa"/, options],
    ["sha1 alone", key("v=DKIM1; h=sha1; p=AAAA"), "error", /sha256/, options],
    ["a test", key(`v=DKIM1; t=s:y; p=${rsa(294)}`), "warning", /marked as a test/, options],
    ["no list", key("hello"), "error", /malformed: part 1 is no tag=value/, options],
    ["a tag twice", key("p=AAAA; p=BBBB"), "error", /twice/, options],
    [
      "two records",
      { "s1._domainkey.example.com": txt("s1._domainkey.example.com", "p=AAAA", "p=BBBB") },
      "error",
      /2 TXT records/,
      options
    ]
  ])
})

describe("DMARC (DMARC-001)", () => {
  const policy = (...texts: ReadonlyArray<string>) => ({ "_dmarc.example.com": txt("_dmarc.example.com", ...texts) })
  rows("dmarc", [
    ["no record", {}, "error", /has no DMARC record/],
    ["a policy", policy("v=DMARC1; p=reject; rua=mailto:a@example.com"), "ok", /p=reject/],
    ["watching only", policy("v=DMARC1; p=none"), "info", /only watches/],
    ["no reports", policy("v=DMARC1; p=reject"), "info", /no reports/],
    ["no policy", policy("v=DMARC1; rua=mailto:a@example.com"), "error", /no valid policy/],
    ["an unknown policy", policy("v=DMARC1; p=drop"), "error", /no valid policy/],
    ["two records", policy("v=DMARC1; p=none", "v=DMARC1; p=reject"), "error", /2 DMARC records/],
    ["a record of something else beside it", policy("hello", "v=DMARC1; p=reject"), "ok", /p=reject/],
    ["a report address without a scheme", policy("v=DMARC1; p=none; rua=a@example.com"), "warning", /report address/],
    ["no list", policy("v=DMARC1; reject"), "error", /malformed/],
    [
      "the policy of the domain above, for its subdomains",
      { "_dmarc.com": txt("_dmarc.com", "v=DMARC1; p=none; sp=quarantine") },
      "ok",
      /_dmarc\.com asks receivers to quarantine/
    ]
  ])

  it.effect("is looked for eight times at most, however many labels the domain has", () =>
    Effect.gen(function* () {
      const { query } = yield* Resolver.Resolver
      const asked: Array<string> = []
      const counting = Resolver.Resolver.of({
        query: (name, type) => {
          if (name.startsWith("_dmarc.")) asked.push(name.slice(7))
          return query(name, type)
        }
      })
      const domain = `${Array.from({ length: 40 }, (_, n) => `a${n}`).join(".")}.example`
      yield* Effect.provideService(Preflight.check(domain), Resolver.Resolver, counting)
      assert.strictEqual(asked.length, 8)
      assert.deepStrictEqual([asked[0], asked[1], asked[7]], [domain, domain.split(".").slice(-7).join("."), "example"])
    }).pipe(Effect.provide(ZoneResolver.layer({})))
  )
})

describe("PTR (DMARC-005)", () => {
  const reverse = "7.2.0.192.in-addr.arpa"
  const ip = "192.0.2.7"
  rows("ptr", [
    ["no address", {}, "info", /none was given/],
    ["no name", {}, "error", /has no name \(PTR record\)/, { ip }],
    [
      "a name that has the address",
      { [reverse]: [ptr(reverse, "mx.example.com")], "mx.example.com": [Wire.a("mx.example.com", ip)] },
      "ok",
      /192\.0\.2\.7 is called mx\.example\.com/,
      { ip }
    ],
    [
      "a name that has another address",
      { [reverse]: [ptr(reverse, "mx.example.com")], "mx.example.com": [Wire.a("mx.example.com", "192.0.2.8")] },
      "error",
      /does not have the address/,
      { ip }
    ],
    [
      "two names, of which the second has the address",
      {
        [reverse]: [ptr(reverse, "old.example.com"), ptr(reverse, "mx.example.com")],
        "mx.example.com": [Wire.a("mx.example.com", ip)]
      },
      "ok",
      /mx\.example\.com/,
      { ip }
    ],
    [
      "an IPv6 address",
      {
        [`1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`]: [
          ptr(`1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, "mx.example.com")
        ],
        "mx.example.com": [Wire.aaaa("mx.example.com", 1)]
      },
      "ok",
      /2001:db8::1 is called/,
      { ip: "2001:db8::1" }
    ]
  ])
})

describe("the report", () => {
  it.effect("is about the domain in A-labels, and has something on every subject", () =>
    Effect.gen(function* () {
      const report = yield* check({}, {}, "Bücher.Example.")
      assert.strictEqual(report.domain, "xn--bcher-kva.example")
      assert.sameMembers(
        [...new Set(report.findings.map(({ subject }) => subject))],
        ["mx", "spf", "dkim", "dmarc", "ptr"]
      )
      assert.strictEqual(Preflight.worst(report), "error")
    })
  )

  it.effect("is as grave as the gravest finding", () =>
    Effect.gen(function* () {
      const of = (...severities: ReadonlyArray<Preflight.Severity>) =>
        Preflight.worst(
          new Preflight.Report({
            domain: "example.com",
            findings: severities.map((severity) => new Preflight.Finding({ subject: "mx", severity, text: "" }))
          })
        )
      assert.strictEqual(of(), "ok")
      assert.strictEqual(of("ok", "info"), "info")
      assert.strictEqual(of("unknown", "info"), "unknown")
      assert.strictEqual(of("unknown", "warning", "ok"), "warning")
      assert.strictEqual(of("warning", "error", "ok"), "error")
    })
  )

  for (const [domain, options, option] of [
    ["a..b", {}, "domain"],
    ["[192.0.2.1]", {}, "domain"],
    ["example.com", { selector: "a b" }, "selector"],
    ["example.com", { ip: "192.0.2.300" }, "ip"]
  ] as const) {
    it.effect(`is refused for ${domain} ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const failed = yield* Effect.flip(check({}, options, domain))
        assert.strictEqual(failed.option, option)
      })
    )
  }
})

describe("what strangers wrote", () => {
  it.effect("can be shown, and is not repeated at any length", () =>
    Effect.gen(function* () {
      for (const text of ["v=spf1 include:e \u0000\u001b[2J", `v=spf1 redirect=${"a.example.".repeat(500)}`]) {
        const { findings } = yield* check(spf(text), { ip: "192.0.2.7" })
        for (const finding of findings) {
          assert.notMatch(finding.text, /[\u0000-\u001f\u007f-\u009f]/)
          assert.isAtMost(finding.text.length, 1501)
        }
        assert.isTrue(findings.some(({ severity, subject }) => subject === "spf" && severity !== "ok"))
      }
    })
  )
})
