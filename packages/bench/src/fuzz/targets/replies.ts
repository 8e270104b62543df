/** What a server says, and what a client sends, as octets on their way to lines. */
import * as Capabilities from "@effect-mail/protocol/Capabilities"
import * as EnhancedStatus from "@effect-mail/protocol/EnhancedStatus"
import * as Greeting from "@effect-mail/protocol/Greeting"
import * as LineDecoder from "@effect-mail/protocol/LineDecoder"
import * as Reply from "@effect-mail/protocol/Reply"
import * as ReplyDecoder from "@effect-mail/protocol/ReplyDecoder"
import * as Result from "effect/Result"
import type { Random } from "../Random.ts"
import type { Target } from "../Target.ts"
import { ensure, ensureSame, ensureShowable, octetsOf, single, torn, utf8 } from "../Target.ts"

// V-001 to V-022.
export const replies = [
  "250 OK\r\n",
  "250\r\n",
  "250 \r\n",
  "250-a\r\n250-b\r\n250 c\r\n",
  "250-a\r\n250\r\n",
  "250-\r\n250 x\r\n",
  "250-First line\r\n250-234 Text beginning with numbers\r\n250 The last line\r\n",
  "250-a\r\n251 b\r\n",
  "250 OK\n",
  "25 x\r\n",
  "2500 x\r\n",
  "250OK\r\n",
  "650 x\r\n",
  "354 go\r\n250 ok\r\n221 bye\r\n",
  `250 ${"x".repeat(80)}\r\n`,
  "250-x\r\n".repeat(8),
  "220-one\r\n220-two\r\n220 mx.example.com ESMTP\r\n",
  "\r\n250 OK\r\n",
  "421 4.3.2 shutting down\r\n",
  "550 \xff\xfe no\r\n",
  utf8("550 5.1.1 niemand heißt so \u{1f600}\r\n"),
  "550-5.7.26 first\r\n550-5.7.26 second\r\n550 5.7.26 third\r\n",
  "HTTP/1.1 400 Bad Request\r\n",
  "\x16\x03\x01\x02\x00\x01"
]

export const replyTokens = [
  "250",
  "251",
  "354",
  "421",
  "550",
  "599",
  "200",
  "199",
  "600",
  "-",
  " ",
  "\r\n",
  "\n",
  "\r",
  "\t",
  "\0",
  "x",
  "OK",
  "250-a\r\n",
  "250 b\r\n",
  "5.1.1 ",
  "4.7.0",
  "\xff",
  "\xc3",
  "\xa9",
  "\xf0\x9f\x98\x80",
  "\xef\xbb\xbf"
]

export interface Read {
  readonly replies: ReadonlyArray<Reply.Reply>
  readonly error: ReplyDecoder.ReplyError | undefined
  readonly decoder: ReplyDecoder.ReplyDecoder
}

export const read = (pieces: ReadonlyArray<Uint8Array>, limits: ReplyDecoder.Limits): Read => {
  const decoder = ReplyDecoder.make(limits)
  const replies: Array<Reply.Reply> = []
  for (const piece of pieces) {
    const result = decoder.push(piece, replies)
    if (Result.isFailure(result)) return { replies, error: result.failure, decoder }
  }
  return { replies, error: undefined, decoder }
}

const sameReading = (read: Read) => ({ replies: read.replies, reason: read.error?.reason, offset: read.error?.offset })

const bounds = [
  {},
  { lineLength: 40 },
  { replyLength: 60 },
  { lines: 3 },
  { lineLength: 20, replyLength: 50, lines: 4 }
]

const saidAgain = (reply: Reply.Reply, random: Random): void => {
  const text = Reply.format(reply)
  if (Result.isFailure(text)) return
  const again = read(torn(Buffer.from(text.success), random), {})
  ensureSame("a reply that is written reads the same", again.replies, [reply])
}

const replyLaws = (input: string, random: Random): boolean => {
  const octets = octetsOf(input)
  const limits = random.pick<ReplyDecoder.Limits>(bounds)
  const whole = read([octets], limits)
  const pieces = read(torn(octets, random), limits)
  ensureSame("replies do not depend on chunks", sameReading(pieces), sameReading(whole))
  for (const reply of whole.replies) {
    ensure(reply.code >= 200 && reply.code <= 599 && reply.lines.length >= 1, "a reply has a code and a line", reply)
    ensure(!reply.lines.some((line) => line.includes("\n")), "a line has no line end", reply)
    saidAgain(reply, random)
  }
  if (whole.error !== undefined) {
    ensureShowable("the error", whole.error.message)
    ensureSame("a failed decoder stays failed", pieces.decoder.push(octets, []), Result.fail(pieces.error))
  } else {
    ensureSame("the same is pending", pieces.decoder.buffered, whole.decoder.buffered)
    ensure(whole.decoder.buffered <= (limits.replyLength ?? 65_536), "what is pending is bounded")
  }
  pieces.decoder.reset()
  const fresh: Array<Reply.Reply> = []
  ensure(Result.isSuccess(pieces.decoder.push(Buffer.from("250 ok\r\n"), fresh)), "a decoder can be used again")
  ensureSame("after a reset nothing is left", fresh, [Reply.make(250, "ok")])
  return whole.error === undefined
}

// V-025 to V-028.
const offers = [
  "mx.example.com Hello [192.0.2.9]\nPIPELINING\nSIZE 35882577\n8bitmime\nAUTH PLAIN LOGIN\nAUTH=LOGIN\nSTARTTLS",
  "mx.example.com\nSMTPUTF8 junk\nENHANCEDSTATUSCODES\nLIMITS MAILMAX=10 RCPTMAX=100\nXCLIENT NAME ADDR",
  "mx.example.com",
  "mx.example.com\nSIZE\nSIZE 0\nSIZE abc",
  "x\nLIMITS RCPTMAX=abc MAILMAX=5\nLIMITS =5",
  `x${Array.from({ length: 127 }, (_, i) => `\nX${i}`).join("")}`,
  "x\nFUTURERELEASE 604800 2030-01-01T00:00:00Z\nDELIVERBY 120\nDSN\nCHUNKING\nBINARYMIME"
]
const offerTokens = [
  "AUTH",
  "AUTH=",
  "SIZE",
  "LIMITS",
  "RCPTMAX=",
  "FUTURERELEASE",
  "DELIVERBY",
  "PIPELINING",
  "PLAIN",
  "LOGIN",
  " ",
  "\t",
  "\n",
  "=",
  "0",
  "99999999999999999999999",
  "-1",
  "\u0131",
  "\u017f",
  "K",
  "\u212a",
  "constructor",
  "__proto__",
  "[",
  "]",
  ".",
  "ESMTP"
]

const replyOf = (input: string): Reply.Reply => Reply.fromLines(250, input.split("\n"))

const capabilityLaws = (input: string): boolean => {
  const found = Capabilities.fromReply(replyOf(input))
  ensure(found.keywords.length <= 128, "keywords are bounded", found.keywords.length)
  for (const keyword of found.keywords) {
    ensure(/^[A-Z0-9][A-Z0-9-]{0,63}$/.test(keyword), "a keyword is one", keyword)
    ensure(found.supports(keyword.toLowerCase()), "a keyword is found in any case", keyword)
    ensure(found.parameters(keyword).length <= 130, "parameters are bounded", keyword)
  }
  ensure(found.size === undefined || (found.size > 0 && Number.isFinite(found.size)), "a size is a number", found.size)
  const again = Capabilities.fromReply(Capabilities.toReply(found))
  ensureSame("what is offered again is the same", again.keywords, found.keywords)
  ensureSame("AUTH offers the same", again.authMechanisms, found.authMechanisms)
  return found.keywords.length > 0
}

const statusLaws = (input: string): boolean => {
  const parsed = EnhancedStatus.parse(input)
  ensureSame("a status is the text itself", parsed ?? input, input)
  for (const code of [250, 421, 550]) {
    const found = EnhancedStatus.fromReply(code, input)
    if (found === undefined) continue
    ensureSame("a status of a reply is one", EnhancedStatus.parse(found), found)
    ensureShowable("its description", EnhancedStatus.describe(found), 200)
    ensure(input.startsWith(found), "it begins the line")
  }
  return parsed !== undefined
}

const lines = [
  "EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nQUIT\r\n",
  "DATA\r\n.\r\n",
  "NOOP\n",
  "NO\rOP\r\n",
  `NOOP ${"x".repeat(100)}\r\nQUIT\r\n`,
  "VRFY \xff\r\nQUIT\r\n",
  utf8("VRFY ü\r\n"),
  "GET / HTTP/1.1\r\n",
  "\x16\x03\x01",
  "\r\n\r\n"
]
const lineTokens = ["\r\n", "\n", "\r", "\r\r\n", "NOOP", "x", " ", "\0", "\xff", "\xc3\xa9", "x".repeat(60)]

interface Lines {
  readonly said: ReadonlyArray<string>
  readonly left: number
}

// Everything that a decoder says about the lines that are there, in words that do not depend on the chunks.
const listen = (pieces: ReadonlyArray<Uint8Array>, options: LineDecoder.Options): Lines => {
  const decoder = LineDecoder.make(options)
  const said: Array<string> = []
  let over = false
  for (const piece of pieces) {
    decoder.push(piece)
    while (!over) {
      const next = decoder.next()
      if (Result.isSuccess(next) && next.success === undefined) break
      if (Result.isSuccess(next)) said.push(`line ${next.success}`)
      else {
        ensureShowable("the error", next.failure.message)
        said.push(`${next.failure.reason} ${next.failure.offset}`)
        over = next.failure.reason !== "encoding"
      }
    }
  }
  const left = decoder.take().length
  ensureSame("what was taken is gone", decoder.buffered, 0)
  return { said, left }
}

const lineLaws = (input: string, random: Random): boolean => {
  const octets = octetsOf(input)
  const options = { lineLength: random.pick([undefined, 16, 64]), bareLf: random.once(3) }
  const whole = listen([octets], options)
  ensureSame("lines do not depend on chunks", listen(torn(octets, random), options), whole)
  ensure(whole.left <= (options.lineLength ?? 2048), "an unfinished line is bounded", whole.left)
  for (const text of whole.said) ensure(!/[\r\n]/.test(text), "a line has no line end", text)
  return whole.said.some((text) => text.startsWith("line"))
}

export const targets: ReadonlyArray<Target> = [
  {
    name: "ReplyDecoder",
    reads: "octets",
    seeds: replies,
    tokens: replyTokens,
    check: replyLaws,
    grow: {
      whole: (input) => read([octetsOf(input)], { lineLength: Infinity, replyLength: Infinity, lines: Infinity }),
      "octet by octet": (input) =>
        read(single(octetsOf(input)), { lineLength: Infinity, replyLength: Infinity, lines: Infinity })
    }
  },
  {
    name: "Reply.text",
    reads: "text",
    seeds: ["5.1.1 no such user\n5.1.1 none\nno", "4.7.0\n4.7.0 later", " "],
    tokens: ["5.1.1", "4.7.0 ", "\n", " ", "x", "\u2028"],
    check: (input, random) => {
      const reply = Reply.fromLines(random.pick([250, 421, 550]), input.split("\n"))
      ensure(Reply.texts(reply).length === reply.lines.length, "every line has its text")
      ensure(Reply.text(reply).length <= input.length, "nothing is added")
      return reply.enhanced !== undefined
    },
    grow: { whole: (input) => Reply.text(Reply.fromLines(550, input.split("\n"))) }
  },
  {
    name: "Capabilities.fromReply",
    reads: "text",
    seeds: offers,
    tokens: offerTokens,
    check: capabilityLaws,
    grow: { whole: (input) => Capabilities.fromReply(replyOf(input)) }
  },
  {
    name: "Greeting.fromReply",
    reads: "text",
    seeds: ["one\ntwo\nmx.example.com ESMTP", "[192.0.2.1] ready", "", "mx.example.com ESMTP Postfix (Debian/GNU)"],
    tokens: offerTokens,
    check: (input) => {
      const { domain, esmtp } = Greeting.fromReply(replyOf(input))
      ensure(!/[ \t\n]/.test(domain), "a name is one word", domain)
      return esmtp
    },
    grow: { whole: (input) => Greeting.fromReply(replyOf(input)) }
  },
  {
    name: "EnhancedStatus.parse",
    reads: "text",
    seeds: ["5.1.1", "4.7.0", "2.0.0 OK", "5.7.26 first", "2.0 ok", "4.7.0foo", "5.999.999", "5.01.1", "5.1000.1"],
    tokens: ["2", "4", "5", ".", "0", "1", "00", "999", "1000", " ", "x", "\u0665"],
    check: statusLaws,
    grow: { whole: (input) => [EnhancedStatus.parse(input), EnhancedStatus.fromReply(550, input)] }
  },
  {
    name: "LineDecoder",
    reads: "octets",
    seeds: lines,
    tokens: lineTokens,
    check: lineLaws,
    grow: {
      whole: (input) => listen([octetsOf(input)], { lineLength: Infinity, bareLf: true }),
      "octet by octet": (input) => listen(single(octetsOf(input)), { lineLength: Infinity, bareLf: true })
    }
  }
]
