import * as Chunking from "@effect-mail/protocol/Chunking"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { AnyOctets, Cuts, cutAt, everyChunking, latin1, octets } from "./chunks.ts"

const splitAll = (chunks: ReadonlyArray<Uint8Array>, size: number): ReadonlyArray<Chunking.Chunk> => {
  const splitter = Chunking.splitter(size)
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), splitter.end()]
}

const wireOf = (chunks: ReadonlyArray<Chunking.Chunk>): ReadonlyArray<string> =>
  chunks.map((chunk) => latin1(Chunking.encode(chunk)))

describe("Chunking, sending", () => {
  it("V-049, SMTP-159: sends a body of 86 octets in one chunk and changes no dot", () => {
    const body = "To: Susan@random.com\r\nFrom: Sam@random.com\r\nSubject: This is a bodyless test message\r\n"
    for (const chunks of everyChunking(octets(body))) {
      assert.deepStrictEqual(wireOf(splitAll(chunks, 1000)), [`BDAT 86 LAST\r\n${body}`])
    }
  })

  it("V-050: sends lines that begin with a dot as they are", () => {
    assert.deepStrictEqual(wireOf(splitAll([octets("ab\r\n.")], 5)), ["BDAT 5 LAST\r\nab\r\n."])
    assert.deepStrictEqual(wireOf(splitAll([octets("ab\r\n."), octets("\r\n")], 5)), [
      "BDAT 5\r\nab\r\n.",
      "BDAT 2 LAST\r\n\r\n"
    ])
  })

  it("SMTP-151: an empty message is one empty last chunk", () => {
    assert.deepStrictEqual(wireOf(splitAll([], 5)), ["BDAT 0 LAST\r\n"])
    assert.deepStrictEqual(wireOf(splitAll([octets("")], 5)), ["BDAT 0 LAST\r\n"])
  })

  it("takes a size below 1 or without meaning as 1", () => {
    for (const size of [0, -5, Number.NaN, 0.5, 1.9]) assert.strictEqual(splitAll([octets("abc")], size).length, 3)
    assert.strictEqual(splitAll([octets("abc")], Number.POSITIVE_INFINITY).length, 1)
  })

  it.prop(
    "any body, in any chunking: full chunks, then one last one that is not empty unless the body is",
    { bytes: AnyOctets, cuts: Cuts, size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 })) },
    ({ bytes, cuts, size }) => {
      const body = Uint8Array.from(bytes)
      const chunks = splitAll(cutAt(body, cuts), size)
      assert.deepStrictEqual(
        chunks.flatMap((chunk) => chunk.data.flatMap((part) => [...part])),
        [...body]
      )
      assert.deepStrictEqual(
        chunks.map((chunk) => chunk.last),
        chunks.map((_, i) => i === chunks.length - 1)
      )
      assert.isTrue(chunks.slice(0, -1).every((chunk) => chunk.size === size))
      const last = chunks.at(-1)?.size ?? -1
      assert.isTrue(body.length === 0 ? last === 0 && chunks.length === 1 : last > 0 && last <= size)
      for (const chunk of chunks) {
        assert.strictEqual(
          chunk.data.reduce((sum, part) => sum + part.length, 0),
          chunk.size
        )
      }
    }
  )
})

const receive = (chunks: ReadonlyArray<Uint8Array>, size: number) => {
  const receiver = Chunking.receiver(size)
  let [content, rest, done] = ["", "", false]
  for (const chunk of [...chunks, octets("")]) {
    const received = receiver.push(chunk)
    content += latin1(received.content)
    rest += latin1(received.rest)
    done = received.done
  }
  return { content, rest, done, missing: receiver.missing }
}

describe("Chunking, receiving", () => {
  it("SMTP-150: takes exactly the announced octets, whatever they are, in every chunking", () => {
    for (const chunks of everyChunking(octets("ab\r\n.\r\nBDAT 0 LAST\r\n"))) {
      assert.deepStrictEqual(receive(chunks, 7), {
        content: "ab\r\n.\r\n",
        rest: "BDAT 0 LAST\r\n",
        done: true,
        missing: 0
      })
    }
  })

  it("V-050: a chunk of size 0 is done at once", () => {
    assert.deepStrictEqual(receive([], 0), { content: "", rest: "", done: true, missing: 0 })
    assert.deepStrictEqual(receive([octets("QUIT\r\n")], 0), { content: "", rest: "QUIT\r\n", done: true, missing: 0 })
  })

  it("says how much is missing", () => {
    assert.deepStrictEqual(receive([octets("abc")], 5), { content: "abc", rest: "", done: false, missing: 2 })
  })
})
