import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import * as LineEndings from "@effect-mail/protocol/LineEndings"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { AnyOctets, Cuts, cutAt, everyChunking, latin1, octets, singly, TextOf } from "./chunks.ts"

const stuffChunks = (
  chunks: ReadonlyArray<Uint8Array>,
  facts?: DotStuffing.Facts
): Result.Result<string, LineEndings.BareLineEnd> => {
  const stuffer = DotStuffing.stuffer(facts)
  let wire = ""
  for (const chunk of chunks) {
    const result = stuffer.push(chunk)
    if (Result.isFailure(result)) return Result.fail(result.failure)
    wire += latin1(result.success)
  }
  return Result.map(stuffer.end(), (end) => wire + latin1(end))
}

const stuffText = (...texts: ReadonlyArray<string>): string => Result.getOrThrow(stuffChunks(texts.map(octets)))

const faultIn = (chunks: ReadonlyArray<Uint8Array>): readonly [found: string, offset: number] | undefined => {
  const result = stuffChunks(chunks)
  return Result.isFailure(result) ? [result.failure.found, result.failure.offset] : undefined
}

interface Received {
  readonly content: string
  readonly rest: string
  readonly done: boolean
  readonly bare: readonly [found: string, offset: number] | undefined
  readonly failed: boolean
}

const unstuffChunks = (chunks: ReadonlyArray<Uint8Array>, options?: DotStuffing.UnstuffOptions): Received => {
  const unstuffer = DotStuffing.unstuffer(options)
  let [content, rest, done, failed] = ["", "", false, false]
  for (const chunk of chunks) {
    const result = unstuffer.push(chunk)
    if (Result.isFailure(result)) failed = true
    else {
      content += latin1(result.success.content)
      rest += latin1(result.success.rest)
      done = result.success.done
    }
  }
  const bare = unstuffer.bare === undefined ? undefined : ([unstuffer.bare.found, unstuffer.bare.offset] as const)
  return { content, rest, done, bare, failed }
}

// What the transducers must do, said over whole texts in the plainest way.
const model = {
  firstBare: (text: string): readonly [string, number] | undefined => {
    const match = /\r(?!\n)|(?<!\r)\n/.exec(text)
    return match === null ? undefined : [match[0] === "\r" ? "CR" : "LF", match.index]
  },
  stuff: (text: string): string => {
    const dotted = `\r\n${text}`.replaceAll("\r\n.", "\r\n..").slice(2)
    return dotted === "" || dotted.endsWith("\r\n") ? `${dotted}.\r\n` : `${dotted}\r\n.\r\n`
  },
  unstuff: (text: string): { readonly content: string; readonly rest: string } | undefined => {
    const end = `\r\n${text}`.indexOf("\r\n.\r\n")
    if (end === -1) return undefined
    const data = `\r\n${text}`.slice(0, end + 2)
    return { content: data.replaceAll("\r\n.", "\r\n").slice(2), rest: text.slice(end + 3) }
  }
}

const long = "x".repeat(70)
const Lines = TextOf("a", ".", "..", "\r\n", "\r\n.", "\r\n.\r\n", ". ", "\t", "\xff", "\0", long, `.${long}\r\n`)
const Anything = TextOf("a", ".", "\r", "\n", "\r\n", "\r\n.", "\r\n.\r\n", ".\r", "\n.", long, `.${long}\r\n`)

describe("DotStuffing, sending", () => {
  const vectors: ReadonlyArray<readonly [id: string, chunks: ReadonlyArray<string>, wire: string]> = [
    ["V-040", ["a\r\n", ".b\r\n"], "a\r\n..b\r\n.\r\n"],
    ["V-041", ["a\r", "\n", ".b\r\n"], "a\r\n..b\r\n.\r\n"],
    ["V-042", ["a", "\r\n."], "a\r\n..\r\n.\r\n"],
    ["V-043", ["."], "..\r\n.\r\n"],
    ["V-044", ["..\r\n"], "...\r\n.\r\n"],
    ["V-045: no chunk", [], ".\r\n"],
    ["V-045: an empty chunk", [""], ".\r\n"],
    ["V-046", ["a\r\n.\r\nMAIL FROM:<x@y.example>\r\n"], "a\r\n..\r\nMAIL FROM:<x@y.example>\r\n.\r\n"],
    ["SMTP-093: dots within a line", ["a.b\r\nc.\r\n"], "a.b\r\nc.\r\n.\r\n"],
    ["SMTP-094: the final line end is added", ["a\r\nb"], "a\r\nb\r\n.\r\n"],
    ["CRLF twice", ["\r\n\r\n.\r\n"], "\r\n\r\n..\r\n.\r\n"]
  ]
  for (const [id, chunks, wire] of vectors) {
    it(`${id}: is stuffed alike in every chunking`, () => {
      assert.strictEqual(stuffText(...chunks), wire)
      const bytes = octets(chunks.join(""))
      for (const chunking of everyChunking(bytes)) {
        assert.deepStrictEqual(stuffChunks(chunking), Result.succeed(wire))
      }
      assert.strictEqual(latin1(Result.getOrThrow(DotStuffing.stuff(bytes))), wire)
    })
  }

  it("V-052, SMTP-100: SIZE counts what was pushed, not what is sent", () => {
    const body = "Subject: x\r\n\r\n.hi\r\n"
    assert.strictEqual(body.length, 19)
    assert.strictEqual(stuffText(body).length, 20 + ".\r\n".length)
  })

  it("V-047, SMTP-095, SMTP-096: refuses each bare form, with its place, in every chunking", () => {
    const forms: ReadonlyArray<readonly [text: string, fault: readonly [string, number]]> = [
      ["\n.\n", ["LF", 0]],
      ["\n.\r\n", ["LF", 0]],
      ["\r.\r", ["CR", 0]],
      ["\r\n.\r", ["CR", 3]],
      ["\r\n.\n", ["LF", 3]],
      ["\n.\r", ["LF", 0]],
      ["\r\n\0.\n", ["LF", 4]],
      ["\r.\r\n", ["CR", 0]],
      ["\r\r\n", ["CR", 0]],
      ["\n", ["LF", 0]],
      ["\r", ["CR", 0]]
    ]
    for (const [form, [found, offset]] of forms) {
      for (const before of ["", "a", "a\r\n", "a\r\n.", long + long]) {
        for (const after of ["", "z", long]) {
          const expected = [found, before.length + offset] as const
          const bytes = octets(before + form + after)
          for (const chunks of everyChunking(bytes)) assert.deepStrictEqual(faultIn(chunks), expected)
          const whole = DotStuffing.stuff(bytes)
          assert.isTrue(Result.isFailure(whole) && whole.failure.offset === expected[1])
        }
      }
    }
  })

  it("says what to do about a bare line end", () => {
    const result = DotStuffing.stuff(octets("a\nb"))
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) {
      assert.strictEqual(
        result.failure.message,
        "The message has a bare LF at octet 1: lines must end in CR LF. Use LineEndings to make them so"
      )
    }
  })

  it("passes dot-free data on as it is, and adds the end", () => {
    const facts = { dotFree: true }
    const chunk = octets("Subject: x\r\n\r\nhi\r\n")
    const stuffer = DotStuffing.stuffer(facts)
    assert.strictEqual(Result.getOrThrow(stuffer.push(chunk)), chunk)
    assert.deepStrictEqual(stuffChunks([chunk, octets("")], facts), Result.succeed(`${latin1(chunk)}.\r\n`))
    for (const text of ["", "a", "a\r\n", "a\r\nb"]) {
      assert.deepStrictEqual(stuffChunks(singly(octets(text)), facts), Result.succeed(model.stuff(text)))
      assert.strictEqual(latin1(Result.getOrThrow(DotStuffing.stuff(octets(text), facts))), model.stuff(text))
    }
  })

  it("passes chunks without leading dots on without a copy", () => {
    const chunk = octets(`${long}.\r\n${long}\r\n`)
    assert.strictEqual(Result.getOrThrow(DotStuffing.stuffer().push(chunk)), chunk)
  })

  it.prop(
    "any proper text, in any chunking, becomes what the standard says",
    { pieces: Lines, cuts: Cuts },
    (input) => {
      const text = input.pieces.join("")
      const bytes = octets(text)
      assert.deepStrictEqual(stuffChunks(cutAt(bytes, input.cuts)), Result.succeed(model.stuff(text)))
      assert.deepStrictEqual(stuffChunks(singly(bytes)), Result.succeed(model.stuff(text)))
      assert.strictEqual(latin1(Result.getOrThrow(DotStuffing.stuff(bytes))), model.stuff(text))
    }
  )

  it("SMTP-093: dots close to each other and far apart, cut at every octet", () => {
    const text = `${".\r\n".repeat(40)}${".a\r\n".repeat(30)}${"x".repeat(300)}\r\n..\r\n${".bcd efg\r\n".repeat(20)}.`
    const bytes = octets(text)
    assert.strictEqual(latin1(Result.getOrThrow(DotStuffing.stuff(bytes))), model.stuff(text))
    for (let cut = 0; cut <= bytes.length; cut++) {
      const chunks = [bytes.subarray(0, cut), bytes.subarray(cut)]
      assert.deepStrictEqual(stuffChunks(chunks), Result.succeed(model.stuff(text)), `cut at ${cut}`)
    }
    for (let at = 0; at <= text.length; at += 7) {
      const bare = `${text.slice(0, at)}\n${text.slice(at)}`
      assert.deepStrictEqual(faultIn([octets(bare)]), model.firstBare(bare), `bare at ${at}`)
    }
  })

  it.prop("any text is refused exactly at its first bare line end", { pieces: Anything, cuts: Cuts }, (input) => {
    const text = input.pieces.join("")
    const bytes = octets(text)
    for (const chunks of [[bytes], cutAt(bytes, input.cuts), singly(bytes)]) {
      assert.deepStrictEqual(faultIn(chunks), model.firstBare(text))
    }
  })
})

describe("DotStuffing, receiving", () => {
  it("V-048: takes one dot from each line, in every chunking", () => {
    const wire = octets("..a\r\n.\r\nQUIT\r\n")
    for (const chunks of everyChunking(wire)) {
      assert.deepStrictEqual(unstuffChunks(chunks), {
        content: ".a\r\n",
        rest: "QUIT\r\n",
        done: true,
        bare: undefined,
        failed: false
      })
    }
  })

  it("SMTP-094: reads an empty message", () => {
    for (const chunks of everyChunking(octets(".\r\n"))) {
      const received = unstuffChunks(chunks)
      assert.deepStrictEqual([received.content, received.rest, received.done], ["", "", true])
    }
  })

  it("V-048, SMTP-095: no dangerous sequence ends the data; each is refused where it stands", () => {
    const forms: ReadonlyArray<readonly [form: string, fault: readonly [string, number]]> = [
      ["\n.\n", ["LF", 0]],
      ["\n.\r\n", ["LF", 0]],
      ["\r.\r", ["CR", 0]],
      ["\r\n.\r", ["CR", 3]],
      ["\r\n.\n", ["LF", 3]],
      ["\n.\r", ["LF", 0]],
      ["\r.\r\n", ["CR", 0]],
      ["\r\n\0.\n", ["LF", 4]]
    ]
    for (const [form, [found, offset]] of forms) {
      const wire = octets(`a${form}MAIL FROM:<x@y.example>\r\n.\r\nQUIT\r\n`)
      for (const chunks of everyChunking(wire)) {
        const refused = unstuffChunks(chunks)
        assert.deepStrictEqual([refused.failed, refused.done], [true, false])
        assert.deepStrictEqual(refused.bare, [found, offset + 1])
        const kept = unstuffChunks(chunks, { bareLineEnds: "keep" })
        assert.deepStrictEqual([kept.failed, kept.done, kept.rest], [false, true, "QUIT\r\n"])
        assert.deepStrictEqual(kept.bare, [found, offset + 1])
        assert.include(kept.content, "MAIL FROM:<x@y.example>\r\n")
      }
    }
  })

  it("SMTP-095: CR LF NUL dot CR LF does not end the data either", () => {
    const received = unstuffChunks([octets("a\r\n\0.\r\nb\r\n.\r\n")])
    assert.deepStrictEqual([received.content, received.done], ["a\r\n\0.\r\nb\r\n", true])
  })

  it("does not look at what is behind the end of the data", () => {
    for (const chunks of everyChunking(octets("a\r\n.\r\nQUIT\n\r."))) {
      const received = unstuffChunks(chunks)
      assert.deepStrictEqual([received.failed, received.done, received.rest], [false, true, "QUIT\n\r."])
    }
  })

  it("fails the same way ever after", () => {
    const unstuffer = DotStuffing.unstuffer()
    unstuffer.push(octets("a\nb"))
    const again = unstuffer.push(octets("\r\n.\r\n"))
    assert.isTrue(Result.isFailure(again) && again.failure === unstuffer.bare)
  })

  it.prop(
    "any octets, in any chunking, end where and as the standard says",
    { pieces: Anything, cuts: Cuts },
    (input) => {
      const text = input.pieces.join("")
      const bytes = octets(text)
      const expected = model.unstuff(text)
      for (const chunks of [[bytes], cutAt(bytes, input.cuts), singly(bytes)]) {
        const kept = unstuffChunks(chunks, { bareLineEnds: "keep" })
        assert.strictEqual(kept.done, expected !== undefined)
        if (expected !== undefined) {
          assert.strictEqual(kept.content, expected.content)
          assert.strictEqual(kept.rest, expected.rest)
          const data = text.slice(0, text.length - expected.rest.length)
          assert.deepStrictEqual(kept.bare, model.firstBare(data))
          assert.strictEqual(unstuffChunks(chunks).failed, kept.bare !== undefined)
        }
      }
    }
  )

  it.prop("what was stuffed comes out again", { pieces: Lines, cuts: Cuts }, ({ cuts, pieces }) => {
    const text = pieces.join("")
    const wire = octets(`${stuffText(text)}NOOP\r\n`)
    const received = unstuffChunks(cutAt(wire, cuts))
    assert.strictEqual(received.content, text === "" || text.endsWith("\r\n") ? text : `${text}\r\n`)
    assert.strictEqual(received.rest, "NOOP\r\n")
  })

  it.prop("random octets never throw", { bytes: AnyOctets, cuts: Cuts }, (input) => {
    const chunks = cutAt(Uint8Array.from(input.bytes), input.cuts)
    stuffChunks(chunks)
    unstuffChunks(chunks)
    const kept = unstuffChunks(chunks, { bareLineEnds: "keep" })
    assert.isAtMost(kept.content.length + kept.rest.length, input.bytes.length)
  })
})

const normalizeChunks = (chunks: ReadonlyArray<Uint8Array>): string => {
  const normalizer = LineEndings.normalizer()
  return chunks.map((chunk) => latin1(normalizer.push(chunk))).join("") + latin1(normalizer.end())
}

describe("LineEndings", () => {
  it("makes each kind of line end CR LF", () => {
    const vectors = [
      ["", ""],
      ["a\nb\n", "a\r\nb\r\n"],
      ["a\rb\r", "a\r\nb\r\n"],
      ["a\r\nb\r\n", "a\r\nb\r\n"],
      ["\n\r", "\r\n\r\n"],
      ["\r\r\n\n", "\r\n\r\n\r\n"],
      ["\r.", "\r\n."],
      ["\r", "\r\n"]
    ] as const
    for (const [text, expected] of vectors) {
      for (const chunks of everyChunking(octets(text))) assert.strictEqual(normalizeChunks(chunks), expected)
      assert.strictEqual(latin1(LineEndings.normalize(octets(text))), expected)
    }
  })

  it("passes proper text on without a copy", () => {
    const bytes = octets(`${long}\r\n.\r\n`)
    assert.strictEqual(LineEndings.normalize(bytes), bytes)
    assert.strictEqual(LineEndings.normalizer().push(bytes), bytes)
  })

  it("V-047: what was normalised can be stuffed", () => {
    assert.strictEqual(stuffText(latin1(LineEndings.normalize(octets("a\n.\r\nb")))), "a\r\n..\r\nb\r\n.\r\n")
  })

  it.prop(
    "any octets, in any chunking, have no bare line end afterwards and change nothing else",
    { pieces: Anything, cuts: Cuts },
    (input) => {
      const text = input.pieces.join("")
      const expected = text.replaceAll(/\r\n|\r|\n/g, "\r\n")
      for (const chunks of [[octets(text)], cutAt(octets(text), input.cuts), singly(octets(text))]) {
        assert.strictEqual(normalizeChunks(chunks), expected)
      }
      assert.strictEqual(latin1(LineEndings.normalize(octets(text))), expected)
    }
  )
})
