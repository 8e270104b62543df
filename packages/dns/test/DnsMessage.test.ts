import * as DnsMessage from "@effect-mail/dns/DnsMessage"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Wire from "./support/wire.ts"

const query = (name: string, type: DnsMessage.RecordType = "MX") =>
  Result.getOrThrow(DnsMessage.encodeQuery(name, type))

const decode = (bytes: Uint8Array) => Result.getOrThrow(DnsMessage.decode(bytes))

const fault = (bytes: Uint8Array) => Result.getOrThrow(Result.flip(DnsMessage.decode(bytes)))

const example = query("example.com")

const answer = (...answers: ReadonlyArray<Uint8Array>) => decode(Wire.reply(example, { answers })).answers

describe("a question", () => {
  it("asks for recursion and for the AD bit, with EDNS0 and room for 1232 octets (RFC 1035, RFC 6840, RFC 6891)", () => {
    assert.deepStrictEqual(
      query("example.com"),
      Wire.bytes(
        [0, 0, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 1],
        Wire.name("example.com"),
        [0, 15, 0, 1],
        [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]
      )
    )
  })

  it("is about an absolute name: a trailing dot makes no difference (DNS-001)", () => {
    assert.deepStrictEqual(query("example.com."), example)
    assert.deepStrictEqual(query(".", "A").subarray(12, 17), Wire.bytes([0, 0, 1, 0, 1]))
  })

  it("may have underscores, and as many octets as a name may have", () => {
    const longest = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`
    assert.deepStrictEqual(Wire.questionOf(query(longest)), { name: longest, type: 15 })
    assert.deepStrictEqual(Wire.questionOf(query("_25._tcp.mx.example.com", "TLSA")), {
      name: "_25._tcp.mx.example.com",
      type: 52
    })
  })

  const wrong: ReadonlyArray<readonly [name: string, reason: RegExp, position: number]> = [
    ["", /is empty/, 0],
    ["a..b", /empty label/, 2],
    [".a", /empty label/, 0],
    ["a..", /empty label/, 2],
    ["..", /empty label/, 0],
    [`a.${"b".repeat(64)}`, /longer than 63/, 66],
    [`${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(62)}`, /longer than 255/, 254],
    ["x".repeat(100_000), /longer than 255/, 255],
    ["exa mple.com", /cannot be asked/, 3],
    ["a\r\nb", /cannot be asked/, 1],
    ["b\u00fccher.example", /cannot be asked/, 1],
    ["a\\.b", /cannot be asked/, 1]
  ]
  for (const [name, reason, position] of wrong) {
    it(`is refused for ${JSON.stringify(name.slice(0, 20))}: ${reason.source}`, () => {
      const failed = Result.getOrThrow(Result.flip(DnsMessage.encodeQuery(name, "MX")))
      assert.match(failed.reason, reason)
      assert.strictEqual(failed.position, position)
      assert.match(failed.message, /Use a name such as/)
    })
  }
})

describe("a reply", () => {
  it("gives the records of every type that is read", () => {
    const soa = Wire.soa("example.com", 60, 30)
    const { answers, authority } = decode(
      Wire.reply(example, {
        answers: [
          Wire.mx("Example.COM", 10, "MX1.example.com", 5),
          Wire.a("a.example", "192.0.2.7"),
          Wire.aaaa("b.example", 9),
          Wire.cname("c.example", "d.example"),
          Wire.record("e.example", 16, Wire.bytes(3, "v=s", 0, 2, "pf")),
          Wire.record("f.example", 12, Wire.name("g.example")),
          Wire.record("h.example", 52, Wire.bytes(3, 1, 1, 0xab, 0xcd)),
          Wire.record("i.example", 99, Wire.bytes("unknown")),
          Wire.record("j.example", 1, Wire.bytes(1, 2, 3, 4), 300, 3)
        ],
        authority: [soa]
      })
    )
    assert.deepStrictEqual(answers, [
      { type: "MX", name: "example.com", ttl: 5, priority: 10, exchange: "mx1.example.com" },
      { type: "A", name: "a.example", ttl: 300, address: NetAddress.ipv4FromBytesUnsafe(Wire.bytes([192, 0, 2, 7])) },
      {
        type: "AAAA",
        name: "b.example",
        ttl: 300,
        address: NetAddress.ipv6FromBytesUnsafe(Wire.bytes([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]))
      },
      { type: "CNAME", name: "c.example", ttl: 300, target: "d.example" },
      { type: "TXT", name: "e.example", ttl: 300, text: "v=spf" },
      { type: "PTR", name: "f.example", ttl: 300, host: "g.example" },
      { type: "TLSA", name: "h.example", ttl: 300, usage: 3, selector: 1, matching: 1, data: Wire.bytes(0xab, 0xcd) }
    ])
    assert.deepStrictEqual(authority, [
      { type: "SOA", name: "example.com", ttl: 60, primary: "ns.example.com", minimum: 30 }
    ])
  })

  it("may use compression, and a name may end in the middle of another", () => {
    const pointer = Wire.bytes(0xc0, 12)
    assert.deepStrictEqual(answer(Wire.record(pointer, 15, Wire.bytes(0, 10, 2, "mx", 0xc0, 12))), [
      { type: "MX", name: "example.com", ttl: 300, priority: 10, exchange: "mx.example.com" }
    ])
    assert.strictEqual(answer(Wire.record(Wire.bytes(0xc0, 20), 1, Wire.bytes(192, 0, 2, 1)))[0]?.name, "com")
  })

  it("keeps a TLSA record when the message's buffer is used again", () => {
    const message = Buffer.from(
      Wire.reply(example, { answers: [Wire.record("a.example", 52, Wire.bytes(3, 1, 1, 7, 7))] })
    )
    const [record] = decode(message).answers
    message.fill(0)
    assert.deepInclude(record, { data: Wire.bytes(7, 7) })
  })

  it("writes octets that are not printable, dots and backslashes within labels with a backslash", () => {
    const odd = Wire.bytes(5, "a.b\\ ", 2, 0, 0xff, 0)
    assert.strictEqual(answer(Wire.record(odd, 1, Wire.bytes(1, 2, 3, 4)))[0]?.name, "a\\.b\\\\\\032.\\000\\255")
  })

  it("takes a TTL with its highest bit set for 0 (RFC 2181 section 8)", () => {
    assert.strictEqual(answer(Wire.a("a.example", "192.0.2.1", 0x80000000))[0]?.ttl, 0)
  })

  it("has the upper bits of the response code and the first extended error in EDNS0 (RFC 6891, RFC 8914)", () => {
    const options = Wire.bytes(Wire.u16(10), Wire.u16(2), 1, 2, Wire.u16(15), Wire.u16(5), Wire.u16(7), "old")
    const opt = Wire.record(".", 41, options, 0x01000000, 1232)
    const message = decode(Wire.reply(example, { rcode: 2, additional: [opt] }))
    assert.strictEqual(message.rcode, 18)
    assert.strictEqual(message.extendedError, 7)
  })

  it("that is truncated has no records, wherever it was cut", () => {
    const whole = Wire.reply(example, { truncated: true, answers: [Wire.a("example.com", "192.0.2.1")] })
    for (let size = example.length; size < whole.length; size++) {
      assert.deepInclude(decode(whole.subarray(0, size)), { truncated: true, answers: [] })
    }
  })

  const pointers = {
    "to itself": Wire.bytes(0xc0, 29),
    forwards: Wire.bytes(0xc0, 60),
    "behind the message": Wire.bytes(0xff, 0xff),
    "back to a label before itself": Wire.bytes(1, "a", 0xc0, 29)
  }
  for (const [where, pointer] of Object.entries(pointers)) {
    it(`with a name that points ${where} is malformed, not a loop`, () => {
      const failed = fault(Wire.reply(example, { answers: [Wire.record(pointer, 1, Wire.bytes(1, 2, 3, 4))] }))
      assert.match(failed.reason, /points forwards or to itself/)
      assert.isAtLeast(failed.position, 29)
    })
  }

  it("with two names that point to each other is malformed", () => {
    // The first name points to the second within the data of its own record.
    const data = Wire.bytes(0xc0, 29)
    const failed = fault(Wire.reply(example, { answers: [Wire.record(Wire.bytes(0xc0, 41), 5, data)] }))
    assert.match(failed.reason, /points forwards/)
  })

  it("follows 127 pointers for a name and refuses more, so that many such names cost little", () => {
    const pointer = (target: number) => [0xc0 | (target >> 8), target & 0xff]
    const chained = (count: number) => {
      // Pointers to pointers, in the data of a record of no known type that begins at octet 41.
      const chain = Array.from({ length: count }, (_, index) => pointer(index === 0 ? 12 : 39 + 2 * index)).flat()
      const holder = Wire.record(Wire.bytes(0xc0, 12), 65_000, Wire.bytes(...chain))
      const name = Wire.bytes(...pointer(39 + 2 * count))
      return Wire.reply(example, { answers: [holder, Wire.record(name, 1, Wire.bytes(192, 0, 2, 1))] })
    }
    assert.isTrue(Result.isSuccess(DnsMessage.decode(chained(126))))
    assert.match(fault(chained(127)).reason, /too many pointers/)
  })

  const malformed: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
    "is no reply": [example, /no reply/],
    "is empty": [new Uint8Array(), /ends too early/],
    "has an address of three octets": [
      Wire.reply(example, { answers: [Wire.record("a", 1, Wire.bytes(1, 2, 3))] }),
      /too early|size/
    ],
    "has an address of five octets": [
      Wire.reply(example, { answers: [Wire.record("a", 1, Wire.bytes(1, 2, 3, 4, 5))] }),
      /wrong size/
    ],
    "has an MX record without a host": [
      Wire.reply(example, { answers: [Wire.record("a", 15, Wire.bytes(0, 1))] }),
      /too early|wrong size/
    ],
    "has a string behind its record": [
      Wire.reply(example, { answers: [Wire.record("a", 16, Wire.bytes(9, "ab")), Wire.a("a", "192.0.2.1")] }),
      /behind its record/
    ],
    "has a label of an unknown kind": [
      Wire.reply(example, { answers: [Wire.record(Wire.bytes(0x80, 1), 1, Wire.bytes(1, 2, 3, 4))] }),
      /unknown kind/
    ],
    "has a name of more than 255 octets": [
      Wire.reply(example, {
        answers: [
          Wire.record(
            Wire.bytes(
              ...Array.from({ length: 5 }, () =>
                [63, ..."x".repeat(63)].map((c) => (typeof c === "number" ? c : c.charCodeAt(0)))
              ),
              0
            ),
            1,
            Wire.bytes(1, 2, 3, 4)
          )
        ]
      }),
      /longer than 255/
    ]
  }
  for (const [what, [bytes, reason]] of Object.entries(malformed)) {
    it(`that ${what} is malformed`, () => assert.match(fault(bytes).reason, reason))
  }

  it("may have names of 255 octets and no longer ones", () => {
    const named = (last: number) =>
      Wire.reply(example, {
        answers: [Wire.a([63, 63, 63, last].map((size) => "x".repeat(size)).join("."), "192.0.2.1")]
      })
    assert.strictEqual(decode(named(61)).answers.length, 1)
    assert.match(fault(named(62)).reason, /longer than 255/)
  })

  it("cut anywhere is malformed and says where", () => {
    const whole = Wire.reply(example, {
      answers: [Wire.mx("example.com", 10, "mx.example.com"), Wire.record("t", 16, Wire.bytes(2, "ab"))]
    })
    for (let size = 0; size < whole.length; size++) {
      const failed = fault(whole.subarray(0, size))
      assert.isAtMost(failed.position, size)
    }
  })

  it("with 65 535 names that are as long as can be is read in time", () => {
    const long = Wire.name(Array.from({ length: 127 }, () => "a").join("."))
    const first = Wire.record(long, 1, Wire.bytes(1, 2, 3, 4))
    const head = Wire.reply(example, { answers: [first] })
    const pointer = Wire.record(Wire.bytes(0xc0, 29), 1, Wire.bytes(1, 2, 3, 4))
    const count = Math.floor((0xffff - head.length) / pointer.length)
    const message = Wire.bytes(head, ...Array.from({ length: count }, () => pointer))
    new DataView(message.buffer).setUint16(6, count + 1)
    assert.strictEqual(decode(message).answers.length, count + 1)
  })

  it.prop(
    "is a value or a typed error for any bytes at all",
    { tail: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))) },
    ({ tail }) => {
      const bytes = Wire.bytes(Wire.reply(example).subarray(0, 6), tail)
      const result = DnsMessage.decode(bytes)
      return Result.isSuccess(result) || result.failure.position <= bytes.length
    }
  )
})

describe("isReplyTo (RFC 5452 section 9.1, DNS-025)", () => {
  const question = DnsMessage.withId(example, 0xbeef)

  it("accepts the same id and question, in any case", () => {
    assert.isTrue(DnsMessage.isReplyTo(question, Wire.reply(question)))
    assert.isTrue(DnsMessage.isReplyTo(question, Wire.reply(DnsMessage.withId(query("EXAMPLE.com"), 0xbeef))))
  })

  const others: Readonly<Record<string, Uint8Array>> = {
    "with another id": Wire.reply(example),
    "about another name": Wire.reply(DnsMessage.withId(query("example.net"), 0xbeef)),
    "about another type": Wire.reply(DnsMessage.withId(query("example.com", "A"), 0xbeef)),
    "that is a question": question,
    "that is cut within the question": Wire.reply(question).subarray(0, 20),
    "that is empty": new Uint8Array()
  }
  for (const [what, bytes] of Object.entries(others)) {
    it(`refuses a message ${what}`, () => assert.isFalse(DnsMessage.isReplyTo(question, bytes)))
  }
})
