import * as LineDecoder from "@effect-mail/protocol/LineDecoder"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { AnyOctets, Cuts, cutAt, everyChunking, latin1, octets, singly, TextOf } from "./chunks.ts"

const drain = (decoder: LineDecoder.LineDecoder, into: Array<string>): void => {
  for (;;) {
    const result = decoder.next()
    if (Result.isFailure(result)) {
      into.push(`${result.failure.reason} ${result.failure.offset}`)
      if (result.failure.reason !== "encoding") return
    } else if (result.success === undefined) return
    else into.push(result.success)
  }
}

const read = (chunks: ReadonlyArray<Uint8Array>, options?: LineDecoder.Options) => {
  const decoder = LineDecoder.make(options)
  const lines: Array<string> = []
  for (const chunk of chunks) {
    decoder.push(chunk)
    if (!lines.some((line) => /^(line-too-long|bare-)/.test(line))) drain(decoder, lines)
  }
  return { lines, buffered: decoder.buffered }
}

const failureOf = (text: string, options?: LineDecoder.Options, before?: string): LineDecoder.LineError | undefined => {
  const decoder = LineDecoder.make(options)
  decoder.push(octets((before ?? "") + text))
  if (before !== undefined) decoder.next()
  const result = decoder.next()
  return Result.isFailure(result) ? result.failure : undefined
}

describe("LineDecoder", () => {
  it("SMTP-002: reads lines in every chunking", () => {
    const text = "EHLO client.example\r\nMAIL FROM:<a@b.example>\r\n\r\nDA"
    for (const chunks of everyChunking(octets(text))) {
      assert.deepStrictEqual(read(chunks), {
        lines: ["EHLO client.example", "MAIL FROM:<a@b.example>", ""],
        buffered: 2
      })
    }
  })

  it("gives one line at a time, and hands over what follows, TLS-004", () => {
    const decoder = LineDecoder.make()
    decoder.push(octets("STARTTLS\r\nMAIL FROM:<evil@b.example>\r\n\x16"))
    assert.deepStrictEqual(decoder.next(), Result.succeed("STARTTLS"))
    assert.strictEqual(decoder.buffered, 29)
    assert.strictEqual(latin1(decoder.take()), "MAIL FROM:<evil@b.example>\r\n\x16")
    assert.strictEqual(decoder.buffered, 0)
    assert.deepStrictEqual(decoder.next(), Result.succeed(undefined))
    decoder.push(octets("EHLO a.example\r\n"))
    assert.deepStrictEqual(decoder.next(), Result.succeed("EHLO a.example"))
  })

  it("does not share memory with what was pushed or taken", () => {
    const decoder = LineDecoder.make()
    const chunk = octets("DATA\r\nabc")
    decoder.push(chunk)
    chunk.fill(0)
    decoder.next()
    const rest = decoder.take()
    decoder.push(octets("QUIT\r\nxyz"))
    assert.strictEqual(latin1(rest), "abc")
  })

  it("SMTP-002: refuses a bare LF or CR, and stays so", () => {
    for (const chunks of everyChunking(octets("NOOP\r\nDATA\nQUIT\r\n"))) {
      assert.deepStrictEqual(read(chunks).lines, ["NOOP", "bare-lf 6"])
    }
    for (const text of ["a\rb\r\n", "a\r\r\n", "\r\r\n"]) assert.strictEqual(failureOf(text)?.reason, "bare-cr")
    assert.strictEqual(failureOf("\n")?.reason, "bare-lf")
  })

  it("accepts a bare LF when told so, a bare CR never", () => {
    assert.deepStrictEqual(read([octets("NOOP\nQUIT\r\n\n")], { bareLf: true }).lines, ["NOOP", "QUIT", ""])
    assert.strictEqual(failureOf("a\rb\n", { bareLf: true })?.reason, "bare-cr")
  })

  it("SMTP-061: refuses a line that is longer than the limit with its line end, in every chunking", () => {
    const options = { lineLength: 8 }
    assert.deepStrictEqual(read([octets("123456\r\n")], options).lines, ["123456"])
    for (const text of ["1234567\r\n", "12345678", "ok\r\n123456789\r\n"]) {
      for (const chunks of everyChunking(octets(text))) {
        assert.strictEqual(read(chunks, options).lines.at(-1), `line-too-long ${text.startsWith("ok") ? 4 : 0}`)
      }
    }
  })

  it("SMTP-062: takes long MAIL and RCPT lines by default", () => {
    assert.isUndefined(failureOf("RCPT TO:<" + "a".repeat(2037) + "\r\n"))
    assert.strictEqual(failureOf("RCPT TO:<" + "a".repeat(2038) + "\r\n")?.reason, "line-too-long")
  })

  it("SMTP-067: takes 12288 octets for a line of an AUTH exchange", () => {
    const decoder = LineDecoder.make()
    const response = "A".repeat(LineDecoder.authLineLength - 2)
    for (const chunk of cutAt(octets(`${response}\r\nA${response}\r\n`), [100, 5000, 9000])) {
      decoder.push(chunk)
    }
    assert.deepStrictEqual(decoder.next(LineDecoder.authLineLength), Result.succeed(response))
    assert.isTrue(Result.isFailure(decoder.next(LineDecoder.authLineLength)))
  })

  it("CVE-2026-38728: keeps a bounded number of octets of a peer that never ends its line", () => {
    const decoder = LineDecoder.make()
    const chunk = new Uint8Array(64 * 1024).fill(65)
    for (let i = 0; i < 1000; i++) {
      decoder.push(chunk)
      assert.isTrue(Result.isFailure(decoder.next()))
      assert.strictEqual(decoder.buffered, 0)
    }
  })

  it("is linear in a long line that comes octet by octet", () => {
    const decoder = LineDecoder.make({ lineLength: 1_000_000 })
    for (const chunk of singly(new Uint8Array(200_000).fill(65))) {
      decoder.push(chunk)
      decoder.next()
    }
    decoder.push(octets("\r\n"))
    assert.strictEqual(Result.getOrThrow(decoder.next())?.length, 200_000)
  })

  it.prop("lines of any length survive the moves of the buffer", { lengths: Cuts, cuts: Cuts }, ({ cuts, lengths }) => {
    const lines = lengths.map((length, i) => String.fromCharCode(97 + (i % 26)).repeat(length % 700))
    const chunks = cutAt(octets(lines.map((line) => `${line}\r\n`).join("")), cuts)
    assert.deepStrictEqual(read(chunks), { lines, buffered: 0 })
  })

  it("finds a line end that comes after what was moved to the front of the buffer", () => {
    const part = "x".repeat(400)
    assert.deepStrictEqual(read([octets(`a\r\n${part}`), octets(`\r\n${"y".repeat(300)}`)]).lines, ["a", part])
    // The buffer still holds an old line end behind its new end.
    assert.deepStrictEqual(read([octets(`${part}\r\nab`), octets("c".repeat(200))]).lines, [part])
    const [first, second] = ["a".repeat(300), "b".repeat(200)]
    assert.deepStrictEqual(read([octets(`${first}\r\n`), octets(second), octets("c".repeat(20))]).lines, [first])
  })

  it("reads UTF-8, and goes on after a line that is not", () => {
    assert.deepStrictEqual(read([octets("VRFY \xc3\xa9\r\nVRFY \xff\r\nQUIT\r\n")]).lines, [
      "VRFY \u00e9",
      "encoding 9",
      "QUIT"
    ])
  })

  it("recognises clients of other protocols", () => {
    assert.include(failureOf("\x16\x03\x01\x02\x00\n")?.hint ?? "", "TLS")
    assert.include(failureOf("GET / HTTP/1.1\n")?.hint ?? "", "web client")
    assert.include(failureOf("POST / HTTP/1.1\n")?.message ?? "", 'POST / HTTP/1.1\\n". This is a web client')
    assert.isUndefined(failureOf("EHLO a\n")?.hint)
  })

  it("shows the text of a connection's first line only, because later ones may hold a password", () => {
    assert.strictEqual(failureOf("EHLO a\n")?.excerpt, "EHLO a\\n")
    const error = failureOf("AHNlY3JldA==\n", {}, "AUTH LOGIN\r\n")
    assert.strictEqual(error?.reason, "bare-lf")
    assert.notInclude(JSON.stringify(error), "AHNl")
    assert.strictEqual(error?.message, "The client ended a line with a bare LF instead of CR LF at octet 12")
  })

  it.prop(
    "any octets are read alike in any chunking",
    { pieces: TextOf("QUIT", "\r\n", "\r\n", "\r", "\n", "a", "\xff", "\xc3\xa9", "x".repeat(10)), cuts: Cuts },
    ({ cuts, pieces }) => {
      const bytes = octets(pieces.join(""))
      for (const options of [{ lineLength: 24 }, { lineLength: 24, bareLf: true }]) {
        const whole = read([bytes], options)
        assert.deepStrictEqual(read(cutAt(bytes, cuts), options), whole)
        assert.deepStrictEqual(read(singly(bytes), options), whole)
      }
    }
  )

  it.prop(
    "random octets never throw and are never kept beyond the limit",
    { bytes: AnyOctets, cuts: Cuts },
    (input) => {
      const { buffered } = read(cutAt(Uint8Array.from(input.bytes), input.cuts), { lineLength: 16 })
      assert.isBelow(buffered, 16)
    }
  )
})
