/** Bodies and whole messages. */
import * as Encoding from "@effect-mail/message/Encoding"
import * as Message from "@effect-mail/message/Message"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Render from "@effect-mail/message/Render"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Random } from "../Random.ts"
import type { Target } from "../Target.ts"
import { ensure, ensureSame, ensureShowable, octetsOf, unitsOf, utf8 } from "../Target.ts"

const mended = (text: string): string => text.replace(/\r\n|\r|\n/g, "\r\n")

// V-095, V-096 and MIME-004.
const texts = [
  utf8("a=b \nline with trailing space \né.\n"),
  "From x\r\n.dot\r\n",
  `${"x".repeat(76)}\r\n${"y".repeat(77)}`,
  "=41=\r\n=4=G= \t\r\n=",
  "QUJD\r\nRA==",
  "QQ=Q",
  "a\rb\nc\r\n\0\xff",
  "\t \r\n \t"
]
const tokens = [
  "=",
  "=41",
  "=\r\n",
  "= \r\n",
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  ".",
  "From ",
  "F",
  "\0",
  "\xff",
  "a",
  "a".repeat(75),
  "QUJD",
  "==",
  "=4"
]

// One pass over the octets, said at once.
const facts = (text: string): Encoding.Facts => {
  const bare = [...text.matchAll(/\r(?!\n)|(?<!\r)\n/g)]
  const lines = text.split(/\r\n|\r|\n/)
  return {
    size: text.length,
    high: text.match(/[\x80-\xff]/g)?.length ?? 0,
    nul: text.includes("\0"),
    bare: bare.length,
    firstBare: bare[0]?.index ?? -1,
    longestLine: Math.max(...lines.map((line) => line.length)),
    dotLine: lines.some((line) => line.startsWith("."))
  }
}

const sorted = (value: object) => Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))

const encodingLaws = (input: string): boolean => {
  const body = octetsOf(input)
  ensureSame("the facts are true", sorted(Encoding.scan(body)), sorted(facts(input)))
  ensureSame("line ends are mended", unitsOf(Encoding.toCrlf(body)), mended(input))
  const base64 = unitsOf(Encoding.base64(body))
  ensureSame("base64 has the size that was said", base64.length, Encoding.base64Size(body.length))
  ensure(/^(?:[\w+/=]{1,76}(?:\r\n(?!$)|$))*$/.test(base64), "base64 is in lines of 76", base64)
  ensureSame("base64 decodes to the same", unitsOf(Encoding.decodeBase64(octetsOf(base64))), input)
  const printable = unitsOf(Encoding.quotedPrintable(body))
  for (const line of printable.split("\r\n")) {
    ensure(line.length <= 76 && /^[\t -~]*$/.test(line) && !/[ \t]$/.test(line), "a quoted-printable line is one", line)
    ensure(!line.startsWith(".") && !line.startsWith("From "), "it begins with nothing that anybody changes", line)
  }
  ensureSame(
    "quoted-printable decodes to the same",
    unitsOf(Encoding.decodeQuotedPrintable(octetsOf(printable))),
    mended(input)
  )
  ensure(Encoding.decodeQuotedPrintable(body).length <= body.length, "decoding makes nothing longer")
  ensure(Encoding.decodeBase64(body).length <= (body.length * 3) / 4 + 1, "decoding base64 makes it shorter")
  ensureSame("the input is left alone", unitsOf(body), input)
  return !/[^\0-\x7f]/.test(input)
}

const messages = [
  "From: a@example.com\r\nTo: b@example.org\r\nSubject: x\r\n\r\nbody\r\n.dot\r\n",
  "From: a@example.com\nTo: b@example.org,\n c@example.org\nBcc: d@example.org\nBcc: e@example.org\n\nbody",
  "From: a@example.com, b@example.com\r\nSender: s@example.com\r\nTo: g:x@y;\r\nMessage-ID: <1@x>\r\nDate: x\r\n\r\n",
  "Resent-From: r@example.com\r\nResent-To: t@example.com\r\nFrom: a@example.com\r\nTo: b@example.org\r\n\r\nbody",
  "Resent-From: r@example.com\r\nResent-Bcc: t@example.com\r\nBcc: u@example.com\r\nFrom: a@example.com\r\n\r\nbody",
  "Resent-From: r@example.com\r\nResent-To: t@example.com\r\nResent-From: q@example.com\r\nResent-To: u@example.com\r\nTo: x@y\r\n\r\n",
  utf8("From: ü@example.com\r\nTo: ä@münchen.example\r\n\r\nö"),
  "From a@example.com Mon Jan 1\r\nTo: x@y\r\n\r\n",
  "no header\r\n\r\nbody",
  "\r\nbody",
  ""
]
const messageTokens = [
  "From: ",
  "To: ",
  "Cc: ",
  "Bcc: ",
  "Sender: ",
  "Resent-To: ",
  "Resent-From: ",
  "Message-ID: ",
  "<1@x>",
  "Date: ",
  "X: ",
  ":",
  " ",
  "\t",
  "\r\n",
  "\n",
  "\r",
  "\r\n ",
  "\r\n\r\n",
  "a@example.com",
  ",",
  "\0",
  "\xff",
  utf8("ü"),
  "(",
  '"'
]

const render = (input: string, options: Parameters<typeof Message.eml>[1]) =>
  Effect.runSync(Effect.result(Render.render(Message.eml(octetsOf(input), options))))

const messageLaws = (input: string, random: Random): boolean => {
  const removeBcc = random.once(2)
  const options = { removeBcc, addMissing: random.once(2) }
  const given = random.once(4) ? { envelope: { from: "a@example.com", to: ["b@example.org"] } } : {}
  const result = render(input, { ...options, ...given })
  const parcel = Parcel.fromBytes(octetsOf(input), envelope)
  if (Result.isFailure(parcel)) ensureShowable("the error", parcel.failure.message)
  if (Result.isFailure(result)) {
    ensureShowable("the error", result.failure.message)
    return false
  }
  const { body, envelope: derived, messageId } = result.success
  ensure(derived.recipients.length >= 1, "a parcel is for somebody")
  const bytes = body.bytes
  ensure(bytes !== undefined, "a ready message is at hand")
  const text = unitsOf(bytes)
  ensureSame("its line ends are CR LF", mended(text), text)
  ensureSame("its size is known", body.size, text.length)
  ensureSame("its dots are known", body.dotFree, !/(?:^|\r\n)\./.test(text))
  ensure(messageId === undefined || /^<[!-~]+>$/.test(messageId), "a Message-ID can be logged", messageId)
  const header = text.slice(0, `\r\n${text}`.indexOf("\r\n\r\n"))
  if (removeBcc)
    ensure(!/(?:^|\r\n)(?:resent-)?bcc[ \t]*:/i.test(header), "nobody is told of hidden recipients", header)
  if (!removeBcc && !options.addMissing) ensureSame("nothing else is changed", text, mended(input))
  return true
}

const envelope = Result.getOrThrow(
  Effect.runSync(
    Effect.result(Render.render(Message.eml(Buffer.from("From: a@example.com\r\nTo: b@example.org\r\n\r\n"))))
  )
).envelope

export const targets: ReadonlyArray<Target> = [
  {
    name: "Encoding",
    reads: "octets",
    seeds: texts,
    tokens,
    check: encodingLaws,
    grow: {
      scan: (input) => Encoding.scan(octetsOf(input)),
      toCrlf: (input) => Encoding.toCrlf(octetsOf(input)),
      base64: (input) => Encoding.base64(octetsOf(input)),
      decodeBase64: (input) => Encoding.decodeBase64(octetsOf(input)),
      quotedPrintable: (input) => Encoding.quotedPrintable(octetsOf(input)),
      decodeQuotedPrintable: (input) => Encoding.decodeQuotedPrintable(octetsOf(input))
    }
  },
  {
    name: "Message.eml",
    reads: "octets",
    seeds: messages,
    tokens: messageTokens,
    check: messageLaws,
    grow: {
      derive: (input) => render(input, {}),
      "in To": (input) => render(`From: a@example.com\r\nTo: ${input}\r\n\r\n`, { removeBcc: true, addMissing: true })
    }
  }
]
