import * as Reply from "@effect-mail/protocol/Reply"
import * as ReplyDecoder from "@effect-mail/protocol/ReplyDecoder"
import { Arbitraries } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import { AnyOctets, Cuts, cutAt, everyChunking, latin1, octets, singly, TextOf } from "./chunks.ts"

interface Outcome {
  readonly replies: ReadonlyArray<Reply.Reply>
  readonly error: ReplyDecoder.ReplyError | undefined
  readonly pending: boolean
  readonly buffered: number
}

const feed = (chunks: ReadonlyArray<Uint8Array>, limits?: ReplyDecoder.Limits): Outcome => {
  const decoder = ReplyDecoder.make(limits)
  const replies: Array<Reply.Reply> = []
  let error: ReplyDecoder.ReplyError | undefined
  for (const chunk of chunks) {
    const result = decoder.push(chunk, replies)
    if (Result.isFailure(result)) error = result.failure
  }
  return { replies, error, pending: decoder.pending, buffered: decoder.buffered }
}

const read = (text: string, limits?: ReplyDecoder.Limits): Outcome => feed([octets(text)], limits)

const simple = (outcome: Outcome) => outcome.replies.map(({ code, lines }) => [code, ...lines])

const refused = (text: string, reason: ReplyDecoder.ReplyError["reason"], limits?: ReplyDecoder.Limits): Outcome => {
  const outcome = read(text, limits)
  assert.strictEqual(outcome.error?.reason, reason, JSON.stringify(text.slice(0, 40)))
  return outcome
}

const hintOf = (text: string): string | undefined => refused(text, "syntax").error?.hint

const vectors: ReadonlyArray<readonly [id: string, text: string, replies: ReadonlyArray<ReadonlyArray<unknown>>]> = [
  ["V-001", "250 OK\r\n", [[250, "OK"]]],
  ["V-002 SMTP-081", "250\r\n", [[250, ""]]],
  ["V-003", "250 \r\n", [[250, ""]]],
  ["V-004 SMTP-080", "250-a\r\n250-b\r\n250 c\r\n", [[250, "a", "b", "c"]]],
  ["V-005 SMTP-081", "250-a\r\n250\r\n", [[250, "a", ""]]],
  ["V-006", "250-\r\n250 x\r\n", [[250, "", "x"]]],
  [
    "V-007 SMTP-090",
    "250-First line\r\n250-Second line\r\n250-234 Text beginning with numbers\r\n250 The last line\r\n",
    [[250, "First line", "Second line", "234 Text beginning with numbers", "The last line"]]
  ],
  ["V-009", "250 OK\n", [[250, "OK"]]],
  [
    "V-012 SMTP-091",
    "354 go\r\n250 ok\r\n221 bye\r\n",
    [
      [354, "go"],
      [250, "ok"],
      [221, "bye"]
    ]
  ],
  ["V-016", "220-one\r\n220-two\r\n220 mx.example.com ESMTP\r\n", [[220, "one", "two", "mx.example.com ESMTP"]]],
  ["V-018", "421 4.3.2 shutting down\r\n", [[421, "4.3.2 shutting down"]]],
  [
    "V-019",
    "299 new\r\n471 new\r\n571 new\r\n",
    [
      [299, "new"],
      [471, "new"],
      [571, "new"]
    ]
  ],
  ["V-020", "550 \xff\xfe no\r\n", [[550, "\ufffd\ufffd no"]]],
  [
    "V-022",
    "550-5.7.26 first\r\n550-5.7.26 second\r\n550 5.7.26 third\r\n",
    [[550, "5.7.26 first", "5.7.26 second", "5.7.26 third"]]
  ],
  [
    "SMTP-087: trailing blanks",
    "250 OK \t \r\n250 ok\r\r\n250  \t\n",
    [
      [250, "OK"],
      [250, "ok"],
      [250, ""]
    ]
  ],
  ["SMTP-087: tabs within the text", "250 a\tb\r\n", [[250, "a\tb"]]],
  ["SMTP-087: lines that are only LF-terminated", "250-a\n250 b\n", [[250, "a", "b"]]],
  [
    "UTF-8",
    "550 Bo\xc3\xaete pleine\r\n250 ok\r\n",
    [
      [550, "Bo\u00eete pleine"],
      [250, "ok"]
    ]
  ],
  ["a byte order mark is text", "250 \xef\xbb\xbfok\r\n", [[250, "\ufeffok"]]]
]

describe("ReplyDecoder", () => {
  for (const [id, text, replies] of vectors) {
    it(`${id}: is read alike in every chunking, V-013`, () => {
      for (const chunks of everyChunking(octets(text))) {
        const outcome = feed(chunks)
        assert.isUndefined(outcome.error)
        assert.deepStrictEqual(simple(outcome), replies)
        assert.isFalse(outcome.pending)
        assert.strictEqual(outcome.buffered, 0)
      }
    })
  }

  it("V-013 SMTP-091: completes a reply with its last LF and not before", () => {
    const decoder = ReplyDecoder.make()
    const replies: Array<Reply.Reply> = []
    const bytes = octets("250-a\r\n250-b\r\n250 c\r\n")
    for (const [i, chunk] of singly(bytes).entries()) {
      decoder.push(chunk, replies)
      assert.strictEqual(replies.length, i === bytes.length - 1 ? 1 : 0)
      assert.strictEqual(decoder.buffered, i === bytes.length - 1 ? 0 : i + 1)
    }
  })

  it("V-010, V-017, SMTP-080, SMTP-086: refuses lines without a code or with a wrong separator", () => {
    for (const text of [
      "25 x\r\n",
      "2500 x\r\n",
      "250OK\r\n",
      "650 x\r\n",
      "150 x\r\n",
      "\r\n250 OK\r\n",
      "\n",
      "25\r\n",
      "250\tOK\r\n",
      "250\rOK\r\n",
      "250_a\r\n",
      "2a0 x\r\n",
      " 250 x\r\n",
      "\u00b250 x\r\n"
    ]) {
      assert.strictEqual(read(text).error?.reason, "syntax", JSON.stringify(text))
    }
  })

  it("SMTP-088: refuses a line without a code within a reply", () => {
    const { error, replies } = refused("250 first\r\n250-a\r\ntext\r\n250 b\r\n", "syntax")
    assert.strictEqual(error?.offset, 18)
    assert.strictEqual(error?.excerpt, "text\\r\\n")
    assert.deepStrictEqual(
      replies.map((reply) => reply.lines),
      [["first"]]
    )
  })

  it("V-008, SMTP-082: refuses a reply whose lines have different codes", () => {
    assert.strictEqual(refused("250-a\r\n251 b\r\n", "mismatched-codes").error?.offset, 7)
  })

  it("V-011: says that a reply is pending when the stream ends within one", () => {
    const outcome = read("250-a\r\n250-b\r\n")
    assert.deepStrictEqual([outcome.pending, outcome.buffered, outcome.replies.length], [true, 14, 0])
    assert.strictEqual(read("25").buffered, 2)
  })

  it("V-014, SMTP-063: refuses a line of more than 4096 octets, with and without its end", () => {
    refused("250 " + "x".repeat(100_000), "line-too-long")
    refused("250 " + "x".repeat(4092), "line-too-long")
    refused("250 " + "x".repeat(4091) + "\r\n", "line-too-long")
    assert.isUndefined(read("250 " + "x".repeat(4090) + "\r\n").error)
    assert.isUndefined(read("250 " + "x".repeat(4091)).error)
  })

  it("V-015, SMTP-063: refuses a reply of more than 500 lines", () => {
    refused("250-x\r\n".repeat(501), "too-many-lines")
    refused("250-x\r\n".repeat(500), "too-many-lines")
    const most = read("250-x\r\n".repeat(499) + "250 x\r\n")
    assert.isUndefined(most.error)
    assert.strictEqual(most.replies[0]?.lines.length, 500)
  })

  it("SMTP-063: refuses a reply of more than 64 KiB", () => {
    const line = "250-" + "x".repeat(1018) + "\r\n"
    refused(line.repeat(64), "too-large")
    refused(line.repeat(63) + "250 " + "x".repeat(1019) + "\r\n", "too-large")
    const most = line.repeat(63) + "250 " + "x".repeat(1018) + "\r\n"
    assert.strictEqual(most.length, 65536)
    assert.isUndefined(read(most).error)
    assert.isUndefined(read(most + most).error)
  })

  it("gives the replies before the fault and fails the same way ever after, until it is reset", () => {
    const decoder = ReplyDecoder.make()
    const replies: Array<Reply.Reply> = []
    const first = decoder.push(octets("250 ok\r\nnonsense\r\n"), replies)
    assert.isTrue(Result.isFailure(first))
    assert.strictEqual(replies.length, 1)
    assert.strictEqual(decoder.push(octets("250 ok\r\n"), replies), first)
    assert.strictEqual(replies.length, 1)
    decoder.reset()
    assert.isTrue(Result.isSuccess(decoder.push(octets("250 ok\r\n"), replies)))
    assert.strictEqual(replies.length, 2)
  })

  it("reset forgets a reply that is pending", () => {
    const decoder = ReplyDecoder.make()
    const replies: Array<Reply.Reply> = []
    decoder.push(octets("250-a\r\n250-b"), replies)
    decoder.reset()
    assert.isFalse(decoder.pending)
    decoder.push(octets("220 new\r\n"), replies)
    assert.deepStrictEqual(replies, [Reply.make(220, "new")])
  })

  it("V-120, TLS-003, CVE-2021-38371: shows what was injected behind the reply to STARTTLS", () => {
    assert.strictEqual(read("220 go\r\n250 injected\r\n").replies.length, 2)
    const partial = read("220 go\r\n250-inj")
    assert.deepStrictEqual([partial.replies.length, partial.pending, partial.buffered], [1, true, 7])
    const clean = read("220 go\r\n")
    assert.deepStrictEqual([clean.replies.length, clean.pending, clean.buffered], [1, false, 0])
  })

  it("CLASS-19: recognises TLS and other protocols by their first bytes", () => {
    assert.include(hintOf("\x15\x03\x01\x00\x02\x02\x46") ?? "", "TLS bytes: this port speaks TLS from the first byte")
    assert.include(hintOf("\x16\x03\x03\x00\x7a\x02") ?? "", "implicit TLS")
    assert.include(hintOf("HTTP/1.1 400 Bad Request\r\n") ?? "", "HTTP")
    assert.include(hintOf("SSH-2.0-OpenSSH_9.9\r\n") ?? "", "SSH")
    assert.include(hintOf("* OK IMAP4rev2 ready\r\n") ?? "", "IMAP")
    assert.include(hintOf("+OK ready\r\n") ?? "", "POP3")
    assert.isUndefined(hintOf("hello\r\n"))
    assert.isUndefined(hintOf("250 ok\r\nHTTP/1.1 400\r\n"))
  })

  it("SMTP-054: shows what came as printable text only, and not all of it", () => {
    const { error } = refused("\x1b[2J\x00\xe9\\" + "x".repeat(100) + "\r\n", "syntax")
    assert.strictEqual(error?.excerpt, "\\x1b[2J\\x00\\xe9\\\\" + "x".repeat(53) + "...")
    assert.include(error?.message ?? "", "no SMTP reply at octet 0")
  })

  it.prop(
    "any replies, in any chunking, are read as they were written",
    [Arbitrary.array(Arbitraries.reply), Arbitraries.chunking],
    ([replies, cut]) => {
      const wire = replies.map((reply) => Result.getOrThrow(Reply.format(reply))).join("")
      const outcome = feed(cut(new TextEncoder().encode(wire)))
      assert.isUndefined(outcome.error)
      assert.deepStrictEqual(outcome.replies, replies)
    }
  )

  it.prop(
    "any octets end the same way in any chunking: same replies, same fault, same place",
    {
      pieces: TextOf(
        "250",
        "250-",
        "250 ",
        "251",
        " ",
        "-",
        "\r",
        "\n",
        "\r\n",
        "a",
        "\xff",
        "\u00c3\u00a9",
        "x".repeat(9)
      ),
      cuts: Cuts
    },
    ({ cuts, pieces }) => {
      const bytes = octets(pieces.join(""))
      const limits = { lineLength: 24, replyLength: 40, lines: 4 }
      const whole = feed([bytes], limits)
      for (const chunks of [cutAt(bytes, cuts), singly(bytes)]) {
        const outcome = feed(chunks, limits)
        assert.deepStrictEqual(outcome.replies, whole.replies)
        assert.strictEqual(outcome.error?.reason, whole.error?.reason)
        assert.strictEqual(outcome.error?.offset, whole.error?.offset)
        if (whole.error === undefined) assert.strictEqual(outcome.buffered, whole.buffered)
      }
    }
  )

  it.prop(
    "random octets never throw and are never kept beyond the limit",
    { bytes: AnyOctets, cuts: Cuts },
    (input) => {
      const decoder = ReplyDecoder.make({ lineLength: 32, replyLength: 64 })
      for (const chunk of cutAt(Uint8Array.from(input.bytes), input.cuts)) {
        decoder.push(chunk, [])
        assert.isAtMost(decoder.buffered, 64 + 33)
      }
    }
  )

  it("an endless line is not kept, however it comes", () => {
    const decoder = ReplyDecoder.make()
    for (let i = 0; i < 1000; i++) decoder.push(octets("250 " + latin1(new Uint8Array(1000).fill(120))), [])
    assert.isAtMost(decoder.buffered, 4097)
  })
})
