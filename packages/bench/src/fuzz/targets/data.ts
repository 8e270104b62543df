/** Message data: line ends, dots, chunks. Each is held against a plain statement of what it is to do. */
import * as Chunking from "@effect-mail/protocol/Chunking"
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import * as LineEndings from "@effect-mail/protocol/LineEndings"
import * as Result from "effect/Result"
import type { Random } from "../Random.ts"
import type { Target } from "../Target.ts"
import { ensure, ensureSame, joined, octetsOf, single, torn, unitsOf } from "../Target.ts"

// V-040 to V-052.
const bodies = [
  "a\r\n.b\r\n",
  "a",
  "a\r\n.",
  ".",
  "..\r\n",
  "",
  "a\r\n.\r\nMAIL FROM:<x@y>\r\n",
  "a\n.\nb",
  "a\n.\r\nb",
  "a\r.\rb",
  "a\r\n.\rb",
  "a\r\n.\nb",
  "a\n.\rb",
  "Subject: x\r\n\r\n.hi\r\n",
  `${"x".repeat(100)}\r\n.${"y".repeat(100)}\r\n`,
  "..a\r\n.\r\nRSET\r\n",
  "\r\n.\r\n\r\n.\r\n",
  ".\r",
  ".\r\n"
]
const tokens = [
  "\r\n",
  "\n",
  "\r",
  ".",
  "..",
  "\r\n.",
  "\r\n.\r\n",
  "\n.\n",
  "\r\n.\r",
  ".\r\n",
  "a",
  "\0",
  "\xff",
  "x".repeat(70)
]

const octets = { reads: "octets", seeds: bodies, tokens } as const

// Stuffing, said at once.
const firstBare = (text: string): { readonly found: string; readonly offset: number } | undefined => {
  const match = /\r(?!\n)|(?<!\r)\n/.exec(text)
  return match === null ? undefined : { found: match[0] === "\r" ? "CR" : "LF", offset: match.index }
}
const stuffed = (text: string): string =>
  `${text.replace(/(^|\r\n)\./g, "$1..")}${text === "" || text.endsWith("\r\n") ? "" : "\r\n"}.\r\n`

const outcome = (result: Result.Result<Uint8Array, LineEndings.BareLineEnd>) =>
  Result.isSuccess(result) ? unitsOf(result.success) : { found: result.failure.found, offset: result.failure.offset }

const pushed = (
  pieces: ReadonlyArray<Uint8Array>,
  facts: DotStuffing.Facts
): Result.Result<Uint8Array, LineEndings.BareLineEnd> => {
  const stuffer = DotStuffing.stuffer(facts)
  const out: Array<Uint8Array> = []
  for (const piece of pieces) {
    const result = stuffer.push(piece)
    if (Result.isFailure(result)) return result
    out.push(result.success)
  }
  const end = stuffer.end()
  return Result.isFailure(end) ? end : Result.succeed(joined([...out, end.success]))
}

const stufferLaws = (input: string, random: Random): boolean => {
  const body = octetsOf(input)
  const expected = firstBare(input) ?? stuffed(input)
  ensureSame("stuffing is what it should be", outcome(DotStuffing.stuff(body)), expected)
  ensureSame("stuffing does not depend on chunks", outcome(pushed(torn(body, random), {})), expected)
  ensureSame("the input is left alone", unitsOf(body), input)
  if (typeof expected !== "string") return false
  if (expected.length === input.length + 3 || expected.length === input.length + 5) {
    const facts = { dotFree: !/(^|\r\n)\./.test(input) }
    ensureSame("knowing the facts changes nothing", outcome(pushed(torn(body, random), facts)), expected)
    ensureSame("nor at once", outcome(DotStuffing.stuff(body, facts)), expected)
  }
  const received = receive(torn(octetsOf(`${expected}RSET\r\n`), random), {})
  ensureSame(
    "what was stuffed comes out",
    received.content,
    input === "" || input.endsWith("\r\n") ? input : `${input}\r\n`
  )
  ensureSame("and nothing else is read", [received.done, received.rest], [true, "RSET\r\n"])
  return true
}

interface Received {
  readonly content: string
  readonly done: boolean
  readonly rest: string
  readonly bare: LineEndings.BareLineEnd | undefined
}

const receive = (pieces: ReadonlyArray<Uint8Array>, options: DotStuffing.UnstuffOptions): Received => {
  const unstuffer = DotStuffing.unstuffer(options)
  const content: Array<Uint8Array> = []
  const rest: Array<Uint8Array> = []
  let done = false
  for (const piece of pieces) {
    const result = unstuffer.push(piece)
    if (Result.isFailure(result)) return { content: "", done: false, rest: "", bare: result.failure }
    content.push(result.success.content)
    rest.push(result.success.rest)
    done = result.success.done
  }
  return { content: unitsOf(joined(content)), done, rest: unitsOf(joined(rest)), bare: unstuffer.bare }
}

// Unstuffing, said at once. What ends a chunk and may belong to the end of the data is not content yet.
const unstuffed = (text: string) => {
  const end = `\r\n${text}`.indexOf("\r\n.\r\n")
  const data = end === -1 ? text : text.slice(0, end)
  const held = end === -1 ? (/(?:^|\r\n)(\.\r?)$/.exec(data)?.[1] ?? "") : ""
  const content = data.slice(0, data.length - held.length).replace(/(^|\r\n)\./g, "$1")
  return { content, done: end !== -1, rest: end === -1 ? "" : text.slice(end + 3) }
}

const unstufferLaws = (input: string, random: Random): boolean => {
  const data = octetsOf(input)
  const { bare, ...kept } = receive(torn(data, random), { bareLineEnds: "keep" })
  const expected = unstuffed(input)
  ensureSame("unstuffing is what it should be", kept, expected)
  const read = input.slice(0, input.length - expected.rest.length)
  // A CR at the very end may still be half of a line end.
  const loose = firstBare(expected.done ? read : read.replace(/\r$/, ""))
  ensureSame("a bare line end is seen", bare && { found: bare.found, offset: bare.offset }, loose)
  const strict = receive(torn(data, random), {})
  ensureSame("and refused", strict.bare && { found: strict.bare.found, offset: strict.bare.offset }, loose)
  if (loose === undefined) ensureSame("strictness changes nothing else", strict, { ...expected, bare: undefined })
  return expected.done
}

const mended = (text: string): string => text.replace(/\r\n|\r|\n/g, "\r\n")

const normalized = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const normalizer = LineEndings.normalizer()
  return joined([...pieces.map(normalizer.push), normalizer.end()])
}

const chunkLaws = (input: string, random: Random): boolean => {
  const body = octetsOf(input)
  const size = 1 + random.below(40)
  const splitter = Chunking.splitter(size)
  const chunks = torn(body, random).flatMap((piece) => splitter.push(piece))
  ensure(
    chunks.every((chunk) => chunk.size === size && !chunk.last),
    "all chunks but the last are full"
  )
  chunks.push(splitter.end())
  const last = chunks.at(-1)
  ensure(last?.last === true && last.size <= size && (last.size > 0 || input === ""), "the last chunk has the rest")
  const wire = joined(chunks.map(Chunking.encode))
  let rest = wire
  let read = ""
  for (const chunk of chunks) {
    const header = Chunking.header(chunk)
    ensureSame("a chunk is announced", unitsOf(rest.subarray(0, header.length)), header)
    const receiver = Chunking.receiver(chunk.size)
    const behind: Array<Uint8Array> = []
    for (const piece of [new Uint8Array(0), ...torn(rest.subarray(header.length), random)]) {
      const received = receiver.push(piece)
      read += unitsOf(received.content)
      behind.push(received.rest)
      ensureSame("it is done when nothing is missing", received.done, receiver.missing === 0)
    }
    rest = joined(behind)
  }
  ensureSame("all of the body arrives", read, input)
  ensureSame("and nothing else", rest.length, 0)
  return chunks.length > 1
}

export const targets: ReadonlyArray<Target> = [
  {
    name: "DotStuffing.stuffer",
    ...octets,
    check: stufferLaws,
    grow: {
      whole: (input) => DotStuffing.stuff(octetsOf(input)),
      "octet by octet": (input) => pushed(single(octetsOf(input)), {})
    }
  },
  {
    name: "DotStuffing.unstuffer",
    ...octets,
    check: unstufferLaws,
    grow: {
      whole: (input) => DotStuffing.unstuffer({ bareLineEnds: "keep" }).push(octetsOf(input)),
      "octet by octet": (input) => receive(single(octetsOf(input)), { bareLineEnds: "keep" })
    }
  },
  {
    name: "LineEndings",
    ...octets,
    check: (input, random) => {
      const text = octetsOf(input)
      ensureSame("line ends are mended", unitsOf(LineEndings.normalize(text)), mended(input))
      ensureSame("over any chunks", unitsOf(normalized(torn(text, random))), mended(input))
      return mended(input) === input
    },
    grow: {
      whole: (input) => LineEndings.normalize(octetsOf(input)),
      "octet by octet": (input) => normalized(single(octetsOf(input)))
    }
  },
  {
    name: "Chunking",
    ...octets,
    check: chunkLaws,
    grow: {
      split: (input) => {
        const splitter = Chunking.splitter(16)
        return [splitter.push(octetsOf(input)), splitter.end()]
      },
      "split octet by octet": (input) => {
        const splitter = Chunking.splitter(input.length + 1)
        return [single(octetsOf(input)).map(splitter.push), Chunking.encode(splitter.end())]
      }
    }
  }
]
