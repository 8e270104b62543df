import * as AddressList from "@effect-mail/message/AddressList"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Anything, join, Line, refusal } from "./support/texts.ts"

/** A list as plain data: [name, address], or [group, members]. */
const plain = (address: AddressList.Address): unknown =>
  address._tag === "Group" ? { [address.name]: address.members.map(plain) } : [address.name, address.address]

const parse = (input: string) => Result.getOrThrow(AddressList.parse(input)).map(plain)
const refused = (input: string) => refusal(AddressList.parse(input))
const encode = (inputs: ReadonlyArray<AddressList.Input>, name = "To") =>
  Result.getOrThrow(Result.flatMap(AddressList.fromInputs(inputs, name), (list) => AddressList.encode(name, list)))

const nameLike = Schema.Array(
  Schema.Literals(["Ada", "Bob", " ", "  ", ".", "=?", "=?utf-8?q?x?=", "é", '"', "a-b", "_", "<", "("])
).check(Schema.isMaxLength(5))
const addressLike = Schema.Literals([
  "ada@example.com",
  "A.b+c-d_e@x-y.EXAMPLE",
  "a..b@example.com",
  ".a@example.com",
  "a@b_c.example",
  "a@-b.example",
  "a@b.",
  "a@b@c",
  "a@1.2.3.4",
  "a@[127.0.0.1]",
  "é@example.com",
  "a b@example.com",
  "a,b@example.com",
  "a",
  ""
])

it.prop(
  "AddressList.parse reads a list the same way with a comment behind it, which only the whole grammar knows",
  [nameLike, addressLike, Schema.Boolean],
  ([name, address, named]) => {
    const input = named ? `${join(name)} <${address}>` : address
    const [plainly, fully] = [AddressList.parse(input), AddressList.parse(`${input} (c)`)]
    assert.deepStrictEqual(Result.getOrUndefined(plainly), Result.getOrUndefined(fully))
  }
)

describe("AddressList.parse", () => {
  it("MSG-009: reads bare addresses, names and lists", () => {
    assert.deepStrictEqual(parse("ada@example.com"), [[undefined, "ada@example.com"]])
    assert.deepStrictEqual(parse("Ada Lovelace <ada@example.com>"), [["Ada Lovelace", "ada@example.com"]])
    assert.deepStrictEqual(parse("<ada@example.com>"), [[undefined, "ada@example.com"]])
    assert.deepStrictEqual(parse(" a@example.com ,b@example.com,\tC<c@example.com>"), [
      [undefined, "a@example.com"],
      [undefined, "b@example.com"],
      ["C", "c@example.com"]
    ])
  })
  it("V-078: reads a comma in quotes", () => {
    assert.deepStrictEqual(parse('"Joe, Smith" <joe@example.com>, bob@example.com'), [
      ["Joe, Smith", "joe@example.com"],
      [undefined, "bob@example.com"]
    ])
  })
  it("V-078: reads groups, empty ones too", () => {
    assert.deepStrictEqual(parse("A Group:Ed Jones <joe@a.test>,joe@where.test,John <jdoe@one.test>;"), [
      {
        "A Group": [
          ["Ed Jones", "joe@a.test"],
          [undefined, "joe@where.test"],
          ["John", "jdoe@one.test"]
        ]
      }
    ])
    assert.deepStrictEqual(parse("Undisclosed recipients:;"), [{ "Undisclosed recipients": [] }])
    assert.deepStrictEqual(parse("a@a.test, G: b@b.test;, c@c.test"), [
      [undefined, "a@a.test"],
      { G: [[undefined, "b@b.test"]] },
      [undefined, "c@c.test"]
    ])
  })
  it("V-078, MSG-011: drops comments, nested and with quoted pairs", () => {
    assert.deepStrictEqual(parse("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"), [
      ["Pete", "pete@silly.test"]
    ])
    assert.deepStrictEqual(parse("(a(b(c)))ada@example.com(d)"), [[undefined, "ada@example.com"]])
  })
  it("MSG-009: skips empty elements", () => {
    assert.deepStrictEqual(parse(",, a@example.com,,b@example.com, "), [
      [undefined, "a@example.com"],
      [undefined, "b@example.com"]
    ])
    assert.deepStrictEqual(parse(""), [])
    assert.deepStrictEqual(parse("G:,a@example.com,;"), [{ G: [[undefined, "a@example.com"]] }])
  })
  it("MSG-010: takes dots and apostrophes in a bare name, and unquotes", () => {
    assert.deepStrictEqual(parse("John Q. Public <john@example.com>"), [["John Q. Public", "john@example.com"]])
    assert.deepStrictEqual(parse("Pat O'Brien <pat@example.com>"), [["Pat O'Brien", "pat@example.com"]])
    assert.deepStrictEqual(parse('"a \\"b\\" \\\\"   c <a@example.com>'), [['a "b" \\ c', "a@example.com"]])
    assert.deepStrictEqual(parse('"" <a@example.com>'), [[undefined, "a@example.com"]])
  })
  it("MSG-010, MIME-016: decodes encoded-words, but not within quotes", () => {
    assert.deepStrictEqual(parse("=?utf-8?q?Zo=C3=AB?= =?utf-8?q?_M=2E?= X <z@example.com>"), [
      ["Zoë M. X", "z@example.com"]
    ])
    assert.deepStrictEqual(parse('"=?utf-8?q?Zo=C3=AB?=" <z@example.com>'), [["=?utf-8?q?Zo=C3=AB?=", "z@example.com"]])
  })
  it("MSG-012: removes white space around the parts of an address", () => {
    assert.deepStrictEqual(parse("A < a . b @ example . com >"), [["A", "a.b@example.com"]])
  })
  it("MSG-021: takes names and local parts beyond ASCII", () => {
    assert.deepStrictEqual(parse("Zoë <zoë@example.com>"), [["Zoë", "zoë@example.com"]])
  })
  it("refuses what is no address, and tells where", () => {
    for (const [input, position] of [
      ["ada", 3],
      ["Ada Lovelace", 12],
      ["Ada <ada>", 8],
      ["Ada <>", 5],
      ["Ada <ada@example.com", 20],
      ["Ada ada@example.com>", 0],
      ["a@example.com b@example.com", 14],
      ["a@example.com <b@example.com>", 14],
      ["<a@example.com> b", 16],
      ["<a@example.com><b@example.com>", 15],
      ["@example.com", 0],
      ["a@", 2],
      ["a@@example.com", 2],
      ["a..b@example.com", 0],
      [".a@example.com", 0],
      ["a@example..com", 2],
      ["O'Brien, Pat <pat@example.com>", 7],
      ["a@example.com;", 13],
      ["a@example.com; b@example.com", 13],
      ["G: a@example.com", 16],
      ["G: a@example.com; b@example.com", 18],
      [":;", 0],
      ["G: H: a@example.com;;", 4],
      ['"a@example.com', 0],
      ["(a@example.com", 0],
      ["a@[192.0.2.1", 2],
      ["a] <a@example.com>", 1],
      ["a\\b@example.com", 1]
    ] as const) {
      assert.deepStrictEqual(refused(input), ["bad-address", "address list", position], input)
    }
  })
  it("V-080: refuses a source route", () => {
    assert.deepStrictEqual(refused("<@a.example,@b.example:user@d.example>"), ["bad-address", "address list", 1])
  })
  it("says how to mend it", () => {
    const error = Result.getOrThrow(Result.flip(AddressList.parse("Lovelace, Ada <ada@example.com>", "To")))
    assert.strictEqual(
      error.message,
      'To: an address is missing before , at position 8. A display name with special characters is written in quotes, as in "Lovelace, Ada" <ada@example.com>'
    )
  })
  it("SMTP-050: refuses control characters and halves of characters", () => {
    for (const char of ["\r", "\n", "\0", "\x1b", "\x7f"]) {
      assert.deepStrictEqual(refused(`A <a@example.com>${char}`), ["control-character", "address list", 17])
    }
    assert.deepStrictEqual(refused("\ud800 <a@example.com>"), ["unpaired-surrogate", "address list", 0])
  })
  it("has limits", () => {
    assert.deepStrictEqual(refused("a".repeat(AddressList.maxLength + 1)), ["too-long", "address list", undefined])
    assert.deepStrictEqual(refused("a@b.c,".repeat(10_001)), ["too-many", "address list", undefined])
    assert.strictEqual(parse("a@b.c,".repeat(10_000)).length, 10_000)
  })
  // Between quotes anything may stand.
  const mailbox = /^(?:"(?:[^"\\\r\n]|\\.)*"|[^\s<>"]+)@[^\s<>@]+$/
  it.prop("gives a list or an error, whatever the input", [Anything], ([parts]) => {
    const input = join(parts)
    const parsed = AddressList.parse(input)
    if (Result.isFailure(parsed)) assert.isAtMost(parsed.failure.position ?? 0, input.length)
    else for (const { address } of AddressList.mailboxes(parsed.success)) assert.match(address, mailbox)
  })
})

describe("what an error says", () => {
  it("repeats no address literal, however long or odd", () => {
    const literal = `[${"secret\\]".repeat(2000)}]`
    for (const input of [
      literal,
      `Name ${literal}`,
      `a@b.example ${literal}`,
      `a@${literal} ${literal}`,
      `<a@b> ${literal}`
    ]) {
      const error = Result.getOrThrow(Result.flip(AddressList.parse(input)))
      assert.notInclude(error.message, "secret", input.slice(0, 40))
      assert.isBelow(error.message.length, 300)
    }
  })
})

describe("AddressList.parseOne and fromInput", () => {
  it("V-079: a string is one address, never two", () => {
    assert.deepStrictEqual(refusal(AddressList.parseOne("a@x.com,b@x.com")), ["bad-address", "address", 0])
    assert.deepStrictEqual(refusal(AddressList.parseOne("")), ["bad-address", "address", 0])
    assert.deepStrictEqual(refusal(AddressList.fromInputs(["a@x.com", "a@x.com,b@x.com"], "To")), [
      "bad-address",
      "To[1]",
      0
    ])
  })
  it("takes a name and an address apart, the name as it is, the address strictly", () => {
    assert.deepStrictEqual(
      plain(Result.getOrThrow(AddressList.fromInput({ name: 'Ada, "x"', address: "ada@Example.COM" }))),
      ['Ada, "x"', "ada@example.com"]
    )
    for (const address of ["Ada <ada@example.com>", "<ada@example.com>", " a@x.com", "a@x.com,b@x.com", "a@x.com\n"]) {
      assert.isTrue(Result.isFailure(AddressList.fromInput({ address })), address)
    }
  })
  it("takes parsed lists and groups again, and checks them again", () => {
    const list = Result.getOrThrow(AddressList.parse("A <a@x.com>, G: b@x.com;"))
    assert.deepStrictEqual(Result.getOrThrow(AddressList.fromInputs(list, "To")), list)
  })
})

describe("AddressList.encode", () => {
  it("writes atoms bare, quotes what needs it, encodes the rest", () => {
    assert.strictEqual(
      encode([
        "ada@example.com",
        { name: "Ada Lovelace", address: "ada@example.com" },
        { name: "Q. Public, John", address: "john@example.com" },
        { name: 'The "best" \\', address: "best@example.com" },
        { name: "Zoë", address: "zoe@example.com" },
        { name: "=?utf-8?q?x?=", address: "x@example.com" }
      ]),
      'To: ada@example.com, Ada Lovelace <ada@example.com>, "Q. Public, John"\r\n' +
        ' <john@example.com>, "The \\"best\\" \\\\" <best@example.com>,\r\n' +
        " =?utf-8?q?Zo=C3=AB?= <zoe@example.com>, =?utf-8?b?PT91dGYtOD9xP3g/PQ==?=\r\n" +
        " <x@example.com>\r\n"
    )
  })
  it("MSG-014: writes groups, empty ones too", () => {
    assert.strictEqual(encode([AddressList.undisclosed]), "To: undisclosed-recipients:;\r\n")
    assert.strictEqual(
      encode(["A Team: b@example.com, C <c@example.com>;"]),
      "To: A Team: b@example.com, C <c@example.com>;\r\n"
    )
  })
  it("MIME-016: keeps an encoded group name apart from its colon", () => {
    assert.strictEqual(encode([AddressList.group("Größe")]), "To: =?utf-8?b?R3LDtsOfZQ==?= :;\r\n")
  })
  it("SMTP-173: writes a domain beyond ASCII in A-labels, unless the local part is beyond ASCII too", () => {
    assert.strictEqual(encode(["ada@bücher.example"]), "To: ada@xn--bcher-kva.example\r\n")
    assert.strictEqual(encode(["zoë@bücher.example"]), "To: zoë@bücher.example\r\n")
  })
  it("MIME-015: folds long names into words that fit", () => {
    for (const line of encode([{ name: "é".repeat(200), address: "e@example.com" }], "Reply-To").split("\r\n")) {
      assert.isAtMost(line.length, 76)
    }
  })
  it("refuses CR, LF and NUL in names", () => {
    for (const char of ["\r", "\n", "\0"]) {
      const list = [AddressList.named(Result.getOrThrow(mailbox("a@example.com")), `A${char}B`)]
      assert.deepStrictEqual(refusal(AddressList.encode("To", list)), ["control-character", "To", 1])
      assert.deepStrictEqual(refusal(AddressList.encode("To", [AddressList.group(`A${char}B`)])), [
        "control-character",
        "To",
        1
      ])
    }
  })
  const Person = Schema.Tuple([Line, Schema.Literals(["a@example.com", '"b c"@example.com', "d.e@bücher.example"])])
  const People = Schema.Array(Person).check(Schema.isMaxLength(6))
  it.prop("is undone by parsing", [People, Line, People], ([people, groupName, members]) => {
    const of = (all: typeof people) =>
      all.map(([name, address]) => AddressList.named(Result.getOrThrow(mailbox(address)), join(name) || undefined))
    const list = [...of(people), AddressList.group(join(groupName), of(members))]
    const line = Result.getOrThrow(AddressList.encode("To", list))
    assert.match(line, /^To:(?: [!-~][ -~]*\r\n)+$/)
    const unfolded = line.slice(3).replaceAll("\r\n", "")
    const inAscii = (address: AddressList.Address): unknown =>
      address._tag === "Group"
        ? { [address.name]: address.members.map(inAscii) }
        : [address.name, AddressList.addressText(address.address)]
    assert.deepStrictEqual(parse(unfolded), list.map(inAscii))
  })
})

const mailbox = (address: string) =>
  Result.map(AddressList.fromInput(address), (one) => {
    if (one._tag === "Group") throw new Error("not a mailbox")
    return one.address
  })

describe("AddressList.format", () => {
  it("shows names as they are", () => {
    const list = Result.getOrThrow(AddressList.parse('Zoë <z@example.com>, "a, b" <c@example.com>, G: d@example.com;'))
    assert.strictEqual(AddressList.format(list), 'Zoë <z@example.com>, "a, b" <c@example.com>, G:d@example.com;')
  })
})
