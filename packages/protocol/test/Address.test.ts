import * as Address from "@effect-mail/protocol/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const ok = <A>(result: Result.Result<A, Address.AddressError>): A => Result.getOrThrow(result)
const fails = <A>(result: Result.Result<A, Address.AddressError>): Address.AddressError =>
  Result.isFailure(result) ? result.failure : assert.fail(`accepted as ${String(result.success)}`)

const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code))
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

describe("parse", () => {
  const local64 = "a".repeat(64)

  it.each([
    "user@example.com",
    "a@b",
    '"funny user"@domain',
    '""@example.com',
    '"a\\"b"@example.com',
    '"back\\\\slash"@example.com',
    "a+b@example.com",
    "o'brien@example.com",
    "e=mc2@example.com",
    "user@[192.0.2.1]",
    "user@[IPv6:2001:db8::1]",
    "1@2.3",
    `${local64}@example.com`,
    "abcxyz.ABCXYZ.0189@a-b.example",
    "!#$%&'*+-/=?^_`{|}~@example.com",
    "ü@example.com",
    "用户@例え.テスト",
    "user@xn--mnchen-3ya.example"
  ])("V-075, SMTP-175 accepts %s and keeps it as it is", (input) => {
    assert.strictEqual(ok(Address.parse(input)), input)
  })

  it.each([
    ["funny user@domain", 5],
    ["user", 4],
    ["@example.com", 0],
    ["user@", 5],
    ["user@@example.com", 5],
    [".a@x.com", 0],
    ["a.@x.com", 2],
    ["a..b@x.com", 2],
    ["user@-a.com", 5],
    ["user@a-.com", 6],
    ["user@a..com", 7],
    ["user@.com", 5],
    ["user@example.com.", 16],
    ["user@ex_ample.com", 7],
    ["user@[300.0.2.1]", 5],
    ["user@[192.0.2.01]", 5],
    ["user@[2001:db8::1]", 5],
    ["user@[IPv6:fe80::1%eth0]", 5],
    ["user@[IPv6:2001:db8::1", 22],
    ["user@[x400:abc]", 5],
    ['"a"b@x.com', 3],
    ['"a"', 3],
    ['"unclosed@x.com', 0],
    ['"a\\', 2],
    [`${local64}a@x.com`, 0],
    [`a@${"b".repeat(64)}.com`, 2],
    ["<a@b.com>", 0],
    ["a@b.com>", 7],
    ["a\u0000@b.com", 1],
    ["a@b\u0000.com", 3],
    ['"a\nb"@x.com', 2],
    ['"a\\\r"@x.com', 2],
    ['"a\u0085b"@x.com', 2],
    ["a\u2028@x.com", 1],
    ["\ud800@x.com", 0],
    [" a@b.com", 0],
    ["a@b.com ", 7],
    ["a@b.com\r\n", 7],
    ["", 0]
  ])("V-076, V-032, SMTP-050 refuses %j at position %i", (input, position) => {
    const error = fails(Address.parse(input))
    assert.strictEqual(error.position, position, error.message)
    assert.strictEqual(error.input, input)
    assert.notMatch(error.message, control)
  })

  it("SMTP-037: an atom has these characters of ASCII and no other, at its beginning, within and at its end", () => {
    const atext = new Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")
    for (const char of ascii) {
      for (const local of [`${char}a`, `a${char}a`, `a${char}`, char]) {
        assert.strictEqual(Result.isSuccess(Address.parse(`${local}@x.com`)), atext.has(char) || local === "a.a", local)
      }
    }
  })

  it("SMTP-038: a quoted string has printable ASCII, with a backslash before quotes and backslashes", () => {
    for (const char of ascii) {
      const printable = char >= " " && char <= "~"
      const plain = printable && char !== '"' && char !== "\\"
      assert.strictEqual(Result.isSuccess(Address.parse(`"a${char}"@x.com`)), plain, JSON.stringify(char))
      assert.strictEqual(Result.isSuccess(Address.parse(`"a\\${char}b"@x.com`)), printable, JSON.stringify(char))
    }
    assert.strictEqual(ok(Address.parse('""@x.com')), '""@x.com')
  })

  it("tells what is wrong, where, and how to mend it", () => {
    assert.strictEqual(
      fails(Address.parse("user@ex_ample.com")).message,
      `"user@ex_ample.com", position 7: an underscore is not allowed in a mail domain; use the host's real name`
    )
    assert.strictEqual(
      fails(Address.parse("a\r\nRCPT TO:<x@y>@b.com")).message,
      '"a\ufffd\ufffdRCPT TO:<x@y>@b.com", position 1: the character U+000D is not allowed in an unquoted local part'
    )
  })

  it("clips a long input to what surrounds the trouble", () => {
    const { message, position } = fails(Address.parse(`${"x".repeat(5000)} ${"y".repeat(5000)}@example.com`))
    assert.strictEqual(position, 5000)
    assert.include(message, "x y")
    assert.isBelow(message.length, 250)
  })

  it("SMTP-042 writes equivalent quotings as the same mailbox", () => {
    assert.strictEqual(ok(Address.parse('"joe"@x')), "joe@x")
    assert.strictEqual(ok(Address.parse('"j\\oe"@x')), "joe@x")
    assert.strictEqual(ok(Address.parse('"a\\ b"@x')), '"a b"@x')
    assert.strictEqual(ok(Address.parse('"a.b"@x')), "a.b@x")
  })

  it("SMTP-003 keeps the letter case of the local part and lowers that of the domain", () => {
    assert.strictEqual(ok(Address.parse("John.DOE@Example.COM")), "John.DOE@example.com")
  })

  it("SMTP-040 writes an address literal in its shortest form", () => {
    assert.strictEqual(ok(Address.parse("u@[ipv6:2001:0DB8:0:0:0:0:0:1]")), "u@[IPv6:2001:db8::1]")
    assert.strictEqual(ok(Address.parse("u@[IPv6:::ffff:192.0.2.1]")), "u@[IPv6:::ffff:192.0.2.1]")
  })

  it("SMTP-060 counts octets: 64 in the local part, 254 in the mailbox", () => {
    assert.strictEqual(fails(Address.parse(`${"ü".repeat(33)}@example.com`)).position, 0)
    const label = "d".repeat(63)
    const longest = `${"a".repeat(64)}@${label}.${label}.${"d".repeat(61)}`
    assert.strictEqual(longest.length, 254)
    assert.strictEqual(ok(Address.parse(longest)), longest)
    assert.isDefined(fails(Address.parse(`${longest}d`)))
    // Quotes that are not needed do not count.
    assert.strictEqual(ok(Address.parse(`"${"a".repeat(64)}"@x`)), `${"a".repeat(64)}@x`)
  })

  it("SMTP-060 demands that the A-labels fit, too", () => {
    const unicode = `${"a".repeat(64)}@${Array.from({ length: 30 }, () => "ü").join(".")}.example`
    assert.isBelow(new TextEncoder().encode(unicode).length, 254)
    assert.include(fails(Address.parse(unicode)).reason, "at most 254")
  })

  it("refuses what is not a string, for callers without types", () => {
    for (const input of [undefined, null, 1, {}, ["a@b"], { toString: () => "a@b" }]) {
      // Static types are bypassed on purpose.
      assert.strictEqual(fails(Address.parse(input as unknown as string)).reason, "an address is a string")
    }
  })
})

describe("internationalised domains", () => {
  it.each([
    ["münchen.example", "xn--mnchen-3ya.example", "münchen.example"],
    ["MÜNCHEN.example", "xn--mnchen-3ya.example", "münchen.example"],
    ["bücher.ch", "xn--bcher-kva.ch", "bücher.ch"],
    ["bu\u0308cher.ch", "xn--bcher-kva.ch", "bücher.ch"],
    ["faß.example", "xn--fa-hia.example", "faß.example"],
    ["straße.example", "xn--strae-oqa.example", "straße.example"],
    ["例え.テスト", "xn--r8jz45g.xn--zckzah", "例え.テスト"],
    ["пример.рф", "xn--e1afmkfd.xn--p1ai", "пример.рф"],
    ["ΒΌΛΟΣ.example", "xn--nxasmq6b.example", "βόλοσ.example"],
    ["\u{1f600}.example", "xn--e28h.example", "\u{1f600}.example"],
    ["\u2603.example", "xn--n3h.example", "\u2603.example"],
    ["نامه\u200cای.example", "xn--mgba3gch31f060k.example", "نامه\u200cای.example"]
  ])("V-058, SMTP-180, SMTP-182 keeps %s readable and gives its A-labels", (input, ascii, kept) => {
    const mailbox = ok(Address.parse(`user@${input}`))
    assert.strictEqual(Address.domain(mailbox), kept)
    assert.strictEqual(Address.asciiDomain(mailbox), ascii)
    assert.strictEqual(ok(Address.domainName(input)), ascii)
    assert.strictEqual(ok(Address.parse(mailbox)), mailbox)
  })

  it.each([
    ["exam\u00adple.com", "soft hyphen"],
    ["exam\u200bple.com", "zero width space"],
    ["exam\u2060ple.com", "word joiner"],
    ["exam\u034fple.com", "grapheme joiner"],
    ["exa\u2800mple.com", "blank Braille pattern"],
    ["a\u200db.example", "joiner that joins nothing"],
    ["i\u2764\ufe0f.example", "variation selector"],
    ["\u3164.example", "Hangul filler"],
    ["exam\u202eple.com", "right-to-left override"],
    ["\uff45xample.com", "full-width letter"],
    ["\ufb01n.example", "ligature"],
    ["\u2177.example", "Roman numeral"],
    ["\u2460.example", "circled digit"],
    ["example\u3002com", "ideographic full stop"],
    ["example\uff0ecom", "full-width full stop"],
    ["\u2100.example", "sign that becomes a/c"],
    ["ban\u212a.example", "Kelvin sign, whose lower case is k"],
    ["B\u00fc\u212aer.example", "Kelvin sign beside another letter"],
    ["\uff11\uff19\uff12.0.2.1", "full-width IPv4 address"]
  ])("GHSA-wmmp-3585-3rmp refuses the domain %j (%s)", (domain) => {
    const { message } = fails(Address.parse(`user@${domain}`))
    assert.notMatch(message, /\u00ad|\u200b|\u2060|\u034f|\u2800|\u202e|\ufe0f/)
    assert.isDefined(fails(Address.domainName(domain)))
    assert.isDefined(fails(Address.parseEhloName(domain)))
  })

  it.each([
    "ü_a.example",
    "ü-.example",
    "-ü.example",
    "xn--ü.example",
    "xn--a.bücher.example",
    "exa mple.com",
    "ü..example",
    "ü.example.",
    "ü%41.example"
  ])("SMTP-181 refuses %s, which UTS-46 alone may let through", (domain) => {
    assert.isDefined(fails(Address.parse(`user@${domain}`)))
  })

  it("SMTP-068 refuses labels whose A-label is too long", () => {
    assert.isDefined(fails(Address.domainName(`${"ü".repeat(60)}.example`)))
  })
})

describe("parseLenient", () => {
  it.each([
    ["Joe <joe@x.com>", "joe@x.com"],
    ["<joe@x.com>", "joe@x.com"],
    ["joe@x.com", "joe@x.com"],
    ["  joe@x.com\t", "joe@x.com"],
    ["joe@x.com (Joe)", "joe@x.com"],
    ["(Joe) joe@x.com", "joe@x.com"],
    ["joe@x.com(a (b (c\\)) d))", "joe@x.com"],
    ['"Joe, <Smith>" <joe@x.com> (home)', "joe@x.com"],
    ['"joe@y.com" <joe@x.com>', "joe@x.com"],
    ["Jörg Müller <jörg@bücher.ch>", "jörg@bücher.ch"],
    ['<"a>b"@x.com>', '"a>b"@x.com'],
    ['"funny user"@domain', '"funny user"@domain'],
    ["John Q. Public <john@x.com>", "john@x.com"],
    ["joe@[IPv6:2001:db8::1] (literal)", "joe@[IPv6:2001:db8::1]"]
  ])("V-079 finds the address in %j", (input, mailbox) => {
    assert.strictEqual(ok(Address.parseLenient(input)), mailbox)
  })

  it.each([
    ["a@x.com,b@x.com", 7],
    ["a@x.com, b@x.com", 7],
    ["a@x.com;b@x.com", 7],
    ["a@x.com b@x.com", 7],
    ["a@x.com <b@x.com>", 1],
    ["<a@x.com> <b@x.com>", 10],
    ["<a@x.com> b@x.com", 10],
    ["Smith, Joe <joe@x.com>", 5],
    ["Friends: joe@x.com;", 18],
    ["Friends: <joe@x.com>", 7],
    ["Joe <joe@x.com", 4],
    ["Joe (the <joe@x.com>", 4],
    ['"Joe <joe@x.com>', 0],
    ["Joe", 3],
    ["<>", 1],
    ["(only a comment)", 0],
    ["Joe\r\nBcc: <joe@x.com>", 3],
    ["", 0]
  ])("V-079 never guesses: %j is refused at position %i", (input, position) => {
    const error = fails(Address.parseLenient(input))
    assert.strictEqual(error.position, position, error.message)
    assert.notMatch(error.message, control)
  })

  it("GHSA-cc9r-2j5m-2m83 refuses a comment inside the address", () => {
    for (const input of ["a@(b.com)c.com", "a@b(.evil).com", "a(x)@b.com", "a@b.com (x) .evil", "a@b.(x)com"]) {
      assert.isDefined(fails(Address.parseLenient(input)))
      assert.isDefined(fails(Address.parse(input)))
      assert.isDefined(fails(Address.parseLenient(`<${input}>`)))
    }
  })
})

describe("advisories", () => {
  it("GHSA-mm7p-fcc7-pg87, GHSA-g839-f65j-c574, CVE-2025-13033: a quoted local part with @ stays in front of its own domain", () => {
    const mailbox = ok(Address.parse('"victim@evil.example x"@good.example'))
    assert.strictEqual(Address.domain(mailbox), "good.example")
    assert.strictEqual(Address.localPart(mailbox), '"victim@evil.example x"')
    assert.strictEqual(ok(Address.parseLenient('"a@evil.example"@good.example')), '"a@evil.example"@good.example')
    assert.isDefined(fails(Address.parseLenient('"a@evil.example" good@good.example')))
  })

  it("GHSA-g57g-f23g-4646: quoted local parts and comments are not confused", () => {
    assert.strictEqual(ok(Address.parseLenient('"a(b"@x.com')), '"a(b"@x.com')
    assert.isDefined(fails(Address.parseLenient('(") <evil@x.com> (")joe@y.com')))
    assert.isDefined(fails(Address.parseLenient('"a"(c)@x.com')))
    assert.isDefined(fails(Address.parseLenient('"a"(@evil.example)@x.com')))
  })

  it("CVE-2020-7769: an address that looks like an option is an address all the same, and nothing else", () => {
    assert.strictEqual(ok(Address.parse("-OQueueDirectory=/tmp@example.com")), "-OQueueDirectory=/tmp@example.com")
    assert.isDefined(fails(Address.parse("-O /tmp@example.com")))
  })

  const methods = ["charAt", "charCodeAt", "codePointAt", "slice"] as const

  // The characters that a run looks at or copies.
  const work = (run: () => unknown): number => {
    let steps = 0
    const strings: object = String.prototype
    const originals = methods.map((name) => [name, String.prototype[name]] as const)
    for (const [name, original] of originals) {
      Object.defineProperty(strings, name, {
        configurable: true,
        writable: true,
        value(this: string, ...args: ReadonlyArray<number>): unknown {
          const result: unknown = Reflect.apply(original, this, args)
          steps += typeof result === "string" ? result.length : 1
          return result
        }
      })
    }
    try {
      run()
    } finally {
      for (const [name, value] of originals) Object.defineProperty(strings, name, { value })
    }
    return steps
  }

  const shapes: ReadonlyArray<readonly [string, (n: number) => string]> = [
    ["open comments", (n) => "(".repeat(n)],
    ["nested comments", (n) => `${"(".repeat(n)}${")".repeat(n)}a@b`],
    ["comments in a row", (n) => `${"()".repeat(n)}a@b`],
    ["open quote", (n) => `"${"a".repeat(n)}`],
    ["quotes in a row", (n) => '""'.repeat(n)],
    ["open angles", (n) => "<".repeat(n)],
    ["angles with quotes", (n) => `<${'"'.repeat(2 * n)}`],
    ["backslashes", (n) => `"${"\\".repeat(n)}"@b`],
    ["spaces", (n) => `a@b${" ".repeat(n)}c`],
    ["commas", (n) => "a@b,".repeat(n)],
    ["dots", (n) => `a@${"b.".repeat(n)}`],
    ["ats", (n) => "@".repeat(n)],
    ["atoms", (n) => `${"a.".repeat(n)}a@b`],
    ["source route", (n) => `<${"@a,".repeat(n)}@b:c@d>`],
    ["letters", (n) => "ü".repeat(n)],
    ["words", (n) => `${"word ".repeat(n)}<a@b>`]
  ]

  it.each(shapes)("GHSA-2x7j-588g-ccc2, GHSA-rcmh-qjqh-p98v, GHSA-v53p-9fqp-m79j: %s cost linear work", (_, shape) => {
    for (const parser of [Address.parse, Address.parseLenient, Address.parsePath, Address.parseEhloName]) {
      const [small, large] = [shape(1000), shape(16000)]
      const steps = work(() => parser(small))
      assert.isAbove(steps, 0)
      assert.isAtMost(
        work(() => parser(large)),
        16 * steps + 2000
      )
    }
  })

  it("GHSA-rcmh-qjqh-p98v: nesting cannot exhaust the stack", () => {
    const depth = 200_000
    assert.strictEqual(ok(Address.parseLenient(`${"(".repeat(depth)}${")".repeat(depth)}a@b`)), "a@b")
  })
})

describe("parsePath", () => {
  it("SMTP-035 takes a path and the null path", () => {
    assert.strictEqual(ok(Address.parsePath("<user@example.com>")), "user@example.com")
    assert.strictEqual(ok(Address.parsePath("<>")), "")
    assert.strictEqual(ok(Address.parsePath('<"a>b c"@Example.com>')), '"a>b c"@example.com')
  })

  it("V-080, SMTP-277 reads a source route and ignores it", () => {
    assert.strictEqual(ok(Address.parsePath("<@a.example,@b.example:user@d.example>")), "user@d.example")
    assert.strictEqual(ok(Address.parsePath("<@a.example:user@d.example>")), "user@d.example")
  })

  it("V-080 never generates a source route", () => {
    for (const input of ["@a.example,@b.example:user@d.example", "<@a.example:user@d.example>"]) {
      assert.isDefined(fails(Address.parse(input)))
      assert.isDefined(fails(Address.parseLenient(input)))
    }
  })

  it.each([
    ["user@example.com", 0],
    ["<user@example.com", 17],
    ["<user@example.com> SIZE=1", 18],
    ["<@a.example>", 1],
    ["<@a.example,b.example:c@d>", 12],
    ["<@-a:c@d>", 2],
    ["<a@b>>", 5],
    ["", 0]
  ])("refuses %j at position %i", (input, position) => {
    assert.strictEqual(fails(Address.parsePath(input)).position, position)
  })

  it("SMTP-032 takes postmaster without a domain as recipient only", () => {
    assert.strictEqual(ok(Address.parseForwardPath("<PostMaster>")), "postmaster")
    assert.strictEqual(ok(Address.parseForwardPath("<Postmaster@Example.com>")), "Postmaster@example.com")
    assert.strictEqual(ok(Address.parseForwardPath("<@a:x@b>")), "x@b")
    assert.isDefined(fails(Address.parseForwardPath("<>")))
    assert.isDefined(fails(Address.parsePath("<postmaster>")))
  })

  it("pathEnd finds where the parameters begin", () => {
    const command = 'MAIL FROM:<"a> b"@example.com> SIZE=1'
    const end = Address.pathEnd(command, "MAIL FROM:".length)
    assert.strictEqual(command.slice(end), " SIZE=1")
    assert.strictEqual(ok(Address.parsePath(command.slice("MAIL FROM:".length, end))), '"a> b"@example.com')
    assert.strictEqual(Address.pathEnd("<a@b"), -1)
    assert.strictEqual(Address.pathEnd('<"a@b>'), -1)
    assert.strictEqual(Address.pathEnd("a@b>"), -1)
  })
})

describe("make", () => {
  it.each([
    ["", '""'],
    ["a.", '"a."'],
    [".a", '".a"'],
    ["a..b", '"a..b"'],
    ["a.b", "a.b"],
    [" ", '" "'],
    ["<>", '"<>"'],
    ["a@b", '"a@b"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["ü", "ü"]
  ])("V-077 writes the local part %j as %s", (text, local) => {
    const mailbox = ok(Address.make(text, "Example.com"))
    assert.strictEqual(Address.localPart(mailbox), local)
    assert.strictEqual(Address.domain(mailbox), "example.com")
  })

  it("refuses what no quoting can carry", () => {
    assert.isDefined(fails(Address.make("a\r\nb", "example.com")))
    assert.isDefined(fails(Address.make("a", "example.com>")))
    assert.isDefined(fails(Address.make("a", "")))
  })

  it("unsafe throws the AddressError", () => {
    assert.strictEqual(Address.unsafe("a@b"), "a@b")
    assert.throws(() => Address.unsafe("a"), Address.AddressError)
  })
})

describe("the parts of a mailbox", () => {
  const plain = Address.unsafe("User@example.com")
  const unicode = Address.unsafe("jörg@bücher.ch")
  const domainOnly = Address.unsafe("info@bücher.ch")
  const v4 = Address.unsafe("u@[192.0.2.1]")
  const v6 = Address.unsafe("u@[IPv6:2001:db8::1]")

  it("SMTP-183 tells address literals", () => {
    assert.deepStrictEqual([plain, v4, v6].map(Address.isLiteral), [false, true, true])
    assert.deepStrictEqual([plain, v4, v6].map(Address.literalIp), [undefined, "192.0.2.1", "2001:db8::1"])
    assert.strictEqual(Address.asciiDomain(v6), "[IPv6:2001:db8::1]")
  })

  it("SMTP-173 has an ASCII form when only the domain is not ASCII", () => {
    assert.strictEqual(Address.toAscii(plain), plain)
    assert.strictEqual(Address.toAscii(domainOnly), "info@xn--bcher-kva.ch")
    assert.isUndefined(Address.toAscii(unicode))
    assert.deepStrictEqual([plain, domainOnly, unicode].map(Address.isAscii), [true, false, false])
  })

  it("MSG-019 has a key of the exact local part and the lower-case A-labels", () => {
    assert.strictEqual(Address.key(plain), "User@example.com")
    assert.strictEqual(Address.key(domainOnly), Address.key(Address.unsafe("info@XN--bcher-kva.ch")))
    assert.notStrictEqual(Address.key(plain), Address.key(Address.unsafe("user@example.com")))
    assert.strictEqual(Address.key(unicode), "jörg@xn--bcher-kva.ch")
    assert.strictEqual(Address.key("postmaster"), "postmaster")
  })
})

describe("parseEhloName", () => {
  it.each([
    ["Mail.Example.COM", "mail.example.com"],
    ["münchen.example", "xn--mnchen-3ya.example"],
    ["[192.0.2.1]", "[192.0.2.1]"],
    ["192.0.2.1", "[192.0.2.1]"],
    ["2001:db8::1", "[IPv6:2001:db8::1]"],
    ["[IPv6:2001:DB8::1]", "[IPv6:2001:db8::1]"],
    ["localhost", "localhost"]
  ])("V-033, V-034, SMTP-019 takes %s as %s", (input, name) => {
    assert.strictEqual(ok(Address.parseEhloName(input)), name)
  })

  it.each([
    "a\r\nMAIL FROM:<x@y>",
    "",
    "my host",
    "my_host",
    "mail.example.com.",
    "-a.example",
    "[1.2.3]",
    "a:b",
    "fe80::1%eth0",
    "a@b"
  ])("V-033, SMTP-055, GHSA-vvjj-xcjg-gr5g refuses %j", (input) => {
    assert.notMatch(fails(Address.parseEhloName(input)).message, control)
  })
})

describe("domainName", () => {
  it("SMTP-039, SMTP-060 checks letters, digits, hyphens and lengths", () => {
    const label = "a".repeat(63)
    const longest = [label, label, label, label].join(".")
    assert.strictEqual(ok(Address.domainName(longest)), longest)
    assert.isDefined(fails(Address.domainName(`${longest}.a`)))
    assert.isDefined(fails(Address.domainName(`${label}a.example`)))
    for (const name of ["_dmarc.example.com", "example.com.", "[192.0.2.1]", "::1", "a b", ""])
      assert.isDefined(fails(Address.domainName(name)))
  })
})

describe("schemas", () => {
  it("Mailbox takes canonical strings only and says how they are written", () => {
    const decode = Schema.decodeUnknownResult(Address.Mailbox)
    assert.isTrue(Result.isSuccess(decode("user@example.com")))
    for (const input of ["user@EXAMPLE.com", "user", "a\r\n@b", 1]) assert.isTrue(Result.isFailure(decode(input)))
    const wrong = decode('"joe"@Example.com')
    assert.include(Result.isFailure(wrong) ? wrong.failure.message : "", "joe@example.com")
  })

  it("AddressError survives storage", () => {
    const codec = Schema.toCodecJson(Address.AddressError)
    const error = fails(Address.parse("a b@c"))
    const stored: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(error)))
    const back = Schema.decodeUnknownSync(codec)(stored)
    assert.instanceOf(back, Address.AddressError)
    assert.strictEqual(back.message, error.message)
  })
})

describe("properties", () => {
  const parsers = [
    Address.parse,
    Address.parseLenient,
    Address.parsePath,
    Address.parseForwardPath,
    Address.parseEhloName,
    Address.domainName
  ]

  // Strings of the characters that matter to the grammar, which random strings seldom have.
  const Tricky = Schema.String.check(Schema.isPattern(/^[ab.@"\\<>(),;: \r\n\0\u00fc\u00ad[\]_-]{0,24}$/))

  it.prop(
    "SMTP-050 any string is parsed or refused, and no parser lets a control through",
    [Schema.String],
    ([input]) => {
      for (const parser of parsers) {
        const result = parser(input)
        const text = Result.isSuccess(result) ? result.success : result.failure.message
        assert.notMatch(text, control)
        assert.isTrue(text.isWellFormed())
      }
    }
  )

  it.prop("what looks like an address is parsed to a fixed point, or refused", [Tricky], ([input]) => {
    for (const parser of parsers) {
      const result = parser(input)
      assert.notMatch(Result.isSuccess(result) ? result.success : result.failure.message, control)
    }
    for (const candidate of [input, `${input}@example.com`, `"${input}"@example.com`, `a@${input}`]) {
      const result = Address.parse(candidate)
      if (Result.isSuccess(result)) assert.strictEqual(ok(Address.parse(result.success)), result.success)
    }
  })

  it.prop("parse after format is the identity, in every form", [Address.Mailbox], ([mailbox]) => {
    assert.strictEqual(ok(Address.parse(mailbox)), mailbox)
    assert.strictEqual(ok(Address.parseLenient(`Some Name <${mailbox}> (x)`)), mailbox)
    assert.strictEqual(ok(Address.parsePath(`<${mailbox}>`)), mailbox)
    assert.strictEqual(ok(Address.make(Address.localPart(mailbox), Address.domain(mailbox))), mailbox)
  })

  it.prop("a quoted mailbox is the unquoted one, whichever way the parser takes", [Address.Mailbox], ([mailbox]) => {
    const [local, domain] = [Address.localPart(mailbox), Address.domain(mailbox)]
    assert.strictEqual(ok(Address.parse(`"${local}"@${domain.toUpperCase()}`)), mailbox)
  })

  it.prop(
    "any printable text can be a local part",
    [Schema.String.check(Schema.isPattern(/^[ -~]{0,30}$/))],
    ([text]) => {
      const mailbox = ok(Address.make(text, "example.com"))
      assert.strictEqual(ok(Address.parse(mailbox)), mailbox)
      const local = Address.localPart(mailbox)
      const content = local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/g, "$1") : local
      assert.strictEqual(content, text)
    }
  )
})
