/** Messages that come back, the return paths they come to, and what DKIM signs. */
import * as Address from "@effect-mail/protocol/Address"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Dkim from "@effect-mail/message/Dkim"
import * as DkimCanonical from "@effect-mail/message/DkimCanonical"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Report from "@effect-mail/message/Report"
import * as Verp from "@effect-mail/message/Verp"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Random } from "../Random.ts"
import type { Target } from "../Target.ts"
import { ensure, ensureSame, ensureShowable, joined, octetsOf, single, torn, unitsOf } from "../Target.ts"

const mended = (text: string): string => text.replace(/\r\n|\r|\n/g, "\r\n")

const multipart = (type: string, status: ReadonlyArray<string>): string =>
  [
    "From: MAILER-DAEMON@relay.example.net",
    `Content-Type: multipart/report; report-type=x; boundary="b1"`,
    "",
    "--b1",
    "Content-Type: text/plain",
    "",
    "It could not be delivered.",
    "--b1",
    `Content-Type: ${type}`,
    "",
    ...status,
    "--b1",
    "Content-Type: text/rfc822-headers",
    "",
    "Message-ID: <1@example.com>",
    "Return-Path: <>",
    "--b1--",
    ""
  ].join("\r\n")

// V-110.
const reports = [
  multipart("message/delivery-status", [
    "Reporting-MTA: dns; relay.example.net",
    "Original-Envelope-Id: QQ+314",
    "Arrival-Date: Fri, 01 Nov 2024 10:00:00 +0000",
    "",
    "Original-Recipient: rfc822;a+2Bb@example.org",
    "Final-Recipient: rfc822; ab@example.org",
    "Action: failed",
    "Status: 5.1.1",
    "Remote-MTA: dns; mx.example.org",
    "Diagnostic-Code: smtp; 550 5.1.1 <ab@example.org>:",
    " user unknown",
    "",
    "Final-Recipient: rfc822; c@example.org",
    "Action: delayed",
    "Status: 4.4.1",
    "Will-Retry-Until: Wed, 06 Nov 2024 10:00:00 +0000",
    ""
  ]),
  multipart("message/feedback-report", [
    "Feedback-Type: abuse",
    "User-Agent: SomeGenerator/1.0",
    "Version: 1",
    "Original-Mail-From: <somespammer@example.net>",
    "Original-Rcpt-To: <user@example.com>",
    "Incidents: 3",
    "Source-IP: 192.0.2.1"
  ]),
  multipart("message/disposition-notification", [
    "Reporting-UA: joes-pc.cs.example.com; Foomail 97.1",
    "Original-Recipient: rfc822;Joe_Recipient@example.com",
    "Final-Recipient: rfc822;Joe_Recipient@example.com",
    "Original-Message-ID: <199509192301.23456@example.org>",
    "Disposition: manual-action/MDN-sent-manually; displayed"
  ]),
  "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.0.0\r\n",
  "Subject: Undelivered\r\n\r\nIt is gone.\r\n"
]
const tokens = [
  "--b1",
  "--b1--",
  "\r\n",
  "\n",
  "\r\n ",
  ":",
  ";",
  "Content-Type: ",
  "message/delivery-status",
  "multipart/report; boundary=b1",
  "message/rfc822",
  "Content-Transfer-Encoding: base64\r\n",
  "Final-Recipient: rfc822; a@b\r\n",
  "Action: failed\r\n",
  "Status: 5.1.1\r\n",
  "Status: ",
  "rfc822;",
  "dns; ",
  "=",
  "=?utf-8?q?=41?=",
  "\0",
  "\xff",
  "+2B",
  "\x85"
]

const reportLaws = async (input: string): Promise<boolean> => {
  const result = await Effect.runPromise(Effect.result(Report.parse(octetsOf(input))))
  if (Result.isFailure(result)) {
    ensureShowable("the error", result.failure.message)
    return false
  }
  ensure(JSON.stringify(result.success).length <= input.length * 12 + 1000, "a report is not larger than its message")
  return true
}

const sender = Address.unsafe("bounces@mail.example.com")

const verpLaws = (input: string): boolean => {
  const parsed = Address.parse(input)
  if (Result.isFailure(parsed)) return false
  const recipient = parsed.success
  for (const delimiters of ["+=", "-="] as const) {
    const foreign = Verp.decode(recipient, sender, delimiters)
    ensure(foreign === undefined || Result.isSuccess(Address.parse(foreign)), "what is found is an address", foreign)
    const path = Verp.encode(sender, recipient, delimiters)
    if (Result.isFailure(path)) continue
    ensureSame("the recipient is found again", Verp.decode(path.success, sender, delimiters), recipient)
  }
  return true
}

const bodies = [
  "",
  "\r\n",
  " C \r\nD \t E\r\n\r\n\r\n",
  "a",
  "a ",
  " \r\n \t\r\n",
  "\r\n\r\na",
  "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
]

// V-083, said at once.
const canonicalBody = {
  simple: (body: string): string => `${body.replace(/(?:\r\n)+$/, "")}\r\n`,
  relaxed: (body: string): string => {
    const text = body
      .replace(/[ \t]+/g, " ")
      .replace(/ (?=\r\n|$)/g, "")
      .replace(/(?:\r\n)+$/, "")
    return text === "" ? "" : `${text}\r\n`
  }
}

const forms = ["simple", "relaxed"] as const

const canonical = (form: DkimCanonical.Form, pieces: ReadonlyArray<Uint8Array>): string => {
  const out: Array<Uint8Array> = []
  const body = DkimCanonical.body(form, (octets) => out.push(octets.slice()))
  for (const piece of pieces) body.write(piece)
  body.end()
  return unitsOf(joined(out))
}

const signature = new Uint8Array(64).fill(7)

const signer: Dkim.Signer = {
  domain: "example.com",
  selector: "s",
  identity: undefined,
  algorithm: "ed25519-sha256",
  recordName: "s._domainkey.example.com",
  record: "v=DKIM1; k=ed25519; p=",
  sign: () => Effect.succeed(signature)
}

const signed = (parcel: Parcel.Parcel, canonicalization: "relaxed/relaxed" | "simple/simple") =>
  Dkim.sign({ signers: [signer], canonicalization })(parcel).pipe(
    Effect.flatMap(({ body }) => Stream.runCollect(body.stream)),
    Effect.map((chunks) => unitsOf(joined([...chunks]))),
    Effect.result
  )

// The same message signed as one array and as a stream of pieces.
const signLaws = async (input: string, random: Random): Promise<boolean> => {
  const octets = octetsOf(input)
  const parcel = Parcel.fromBytes(octets, envelope)
  if (Result.isFailure(parcel)) {
    ensureShowable("the error", parcel.failure.message)
    return false
  }
  const form = random.pick(["relaxed/relaxed", "simple/simple"] as const)
  const stream = Stream.fromIterable(torn(octets, random))
  const slow = { ...parcel.success, body: { ...parcel.success.body, bytes: undefined, stream } }
  const [whole, pieces] = await Effect.runPromise(Effect.all([signed(parcel.success, form), signed(slow, form)]))
  ensureSame("it is refused or signed, however it comes", whole._tag, pieces._tag)
  if (Result.isFailure(whole)) {
    ensureShowable("the error", whole.failure.message)
    return false
  }
  ensure(whole.success.endsWith(input), "the message itself is left alone")
  const header = whole.success.slice(0, whole.success.length - input.length)
  ensure(/^DKIM-Signature: (?:[\x20-\x7e\t]*\r\n[ \t])*[\x20-\x7e\t]*\r\n$/.test(header), "one field is added", header)
  // Seconds may have passed in between.
  if (Result.isSuccess(pieces)) {
    const timeless = (text: string): string => text.replace(/t=\d+;/, "")
    ensureSame("it does not depend on chunks", timeless(pieces.success), timeless(whole.success))
  }
  return true
}

const envelope = Result.getOrThrow(Envelope.make({ from: "a@example.com", to: "b@example.org" }))

const messages = [
  "From: a@example.com\r\nTo: b@example.org\r\nSubject: Hi\r\n\r\nBody\r\n",
  "From: a@example.com\r\nSubject: a\r\n folded\r\n\tline\r\nX:\r\n\r\n",
  'Received: x\r\nReceived: y\r\nFrom: "\xc3\xa9" <a@example.com>\r\nFrom: b@example.com\r\n\r\n.\r\n',
  "\r\nno header",
  "From: a@example.com"
]

export const targets: ReadonlyArray<Target> = [
  {
    name: "Dkim.sign",
    reads: "octets",
    seeds: messages,
    tokens: ["\r\n", "\r\n\r\n", " ", "\t", ":", "From: a@example.com\r\n", "\0", "\xff", ";", "=", "a", "\n", "\r"],
    check: signLaws
  },
  { name: "Report.parse", reads: "octets", seeds: reports, tokens, check: reportLaws },
  {
    name: "Verp.decode",
    reads: "text",
    seeds: [
      "user@domain",
      "bounces+user=domain@mail.example.com",
      "BOUNCES+a=b=c@mail.EXAMPLE.com",
      '"a b"@x.example',
      "bounces-u=d@mail.example.com"
    ],
    tokens: ["bounces", "+", "-", "=", "@", ".", "a", "mail.example.com", '"', "\u0130"],
    check: verpLaws,
    grow: { decode: (input) => Result.map(Address.parse(input), (address) => Verp.decode(address, sender)) }
  },
  {
    name: "DkimCanonical.body",
    reads: "octets",
    seeds: bodies,
    tokens: ["\r\n", "\r\n\r\n", " ", "\t", "a", "\0", "\xff", " \r\n"],
    check: (input, random) => {
      const body = mended(input)
      for (const form of forms) {
        const expected = canonicalBody[form](body)
        ensureSame(`the ${form} form is what it should be`, canonical(form, [octetsOf(body)]), expected)
        ensureSame("it does not depend on chunks", canonical(form, torn(octetsOf(body), random)), expected)
      }
      return body === input
    },
    grow: {
      relaxed: (input) => canonical("relaxed", [octetsOf(input)]),
      "relaxed octet by octet": (input) => canonical("relaxed", single(octetsOf(input))),
      "simple octet by octet": (input) => canonical("simple", single(octetsOf(input)))
    }
  }
]
