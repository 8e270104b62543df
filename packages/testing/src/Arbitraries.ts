/**
 * Values to try properties of mail code on: addresses, envelopes, messages, replies, chunkings, zones. They lean towards what
 * breaks mail software (lone dots, empty lines, long lines, quoted local parts, look-alikes of encoded words), and shrink.
 *
 * ```ts
 * it.prop("a message is what it was", [Arbitraries.content, Arbitraries.chunking], ([content, cut]) =>
 *   assert.deepStrictEqual(mine(cut(content)), content))
 * ```
 *
 * They are `Arbitrary`s of Effect, for `it.prop` of `@effect/vitest` and for `Arbitrary.checkEffect` with any test runner.
 *
 * @since 0.1.0
 */
import * as Message from "@effect-mail/message/Message"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Address from "@effect-mail/protocol/Address"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Reply from "@effect-mail/protocol/Reply"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Bytes from "./internal/bytes.ts"
import type { Zone } from "./StaticDns.ts"

const between = (minimum: number, maximum: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

const oneOf = <const A extends ReadonlyArray<string>>(values: A): Arbitrary.Arbitrary<A[number]> =>
  Arbitrary.schema(Schema.Literals(values))

const joined = (parts: Arbitrary.Arbitrary<string>, maxLength: number, separator = ""): Arbitrary.Arbitrary<string> =>
  Arbitrary.map(Arbitrary.array(parts, { maxLength }), (all) => all.join(separator))

// Parts of addresses, valid in any combination.
const localParts = [
  "alice",
  "a.b",
  "x+tag",
  "!#$%&'*-/=?^_`{|}~",
  '"a b"',
  '"a@b"',
  '"\\""',
  '"\\\\"',
  '"."',
  "postmaster",
  "Alice",
  "j\u00fcrgen",
  "\u7528\u6237",
  "x".repeat(64)
] as const

const domains = [
  "example.com",
  "a.b.c.example.org",
  "EXAMPLE.net",
  "xn--bcher-kva.example",
  "b\u00fccher.example",
  "1.example",
  `${"x".repeat(63)}.test`,
  "[192.0.2.1]",
  "[IPv6:2001:db8::1]"
] as const

/**
 * A mailbox of RFC 5321 and RFC 6531: dot-strings, quoted strings, names, address literals, and what is not ASCII.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const address: Arbitrary.Arbitrary<Address.Mailbox> = Arbitrary.map(
  Arbitrary.all([oneOf(localParts), oneOf(domains)]),
  ([local, domain]) => Result.getOrThrow(Address.parse(`${local}@${domain}`))
)

/**
 * An envelope with all that can stand in one: the null reverse-path, several recipients, a bare postmaster, parameters of
 * DSN.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const envelope: Arbitrary.Arbitrary<Envelope.Envelope> = Arbitrary.map(
  Arbitrary.all([Arbitrary.schema(Envelope.Envelope), Arbitrary.array(address, { maxLength: 8 })]),
  ([envelope, addresses]) => {
    const of = <A extends Envelope.Recipient>(recipient: A, index: number): A => {
      const other = recipient.address === "postmaster" ? undefined : addresses[index]
      return other === undefined ? recipient : { ...recipient, address: other }
    }
    const [first, ...others] = envelope.recipients
    return { ...envelope, recipients: [of(first, 0), ...others.map((recipient, index) => of(recipient, index + 1))] }
  }
)

const words = [
  "a",
  "word",
  " ",
  "\t",
  ".",
  "..",
  "-",
  "--",
  "=",
  "=3D",
  "=?utf-8?q?x?=",
  "From ",
  "<",
  '"',
  "\\",
  ",",
  "\u00e9",
  "\u00df",
  "\u65e5\u672c",
  "\u{1f600}",
  "a-long-word-without-any-space-in-it-to-fold-at"
] as const

const line = joined(oneOf(words), 12)

/**
 * One line of text, as of a subject or a name: every character whole, no control character but TAB.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const text: Arbitrary.Arbitrary<string> = line

/**
 * Octets in lines that end in CR LF, as a message on its way is: lone dots, empty lines, octets beyond ASCII, long lines.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const content: Arbitrary.Arbitrary<Uint8Array> = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([line, oneOf(["", "", "", ".", "x".repeat(400)])]), { maxLength: 12 }),
  (lines) => Bytes.from(lines.map(([words, more]) => `${more}${words}\r\n`).join(""))
)

const attachment = Arbitrary.map(
  Arbitrary.all({ name: joined(oneOf(["a", "b c", "\u20ac", '"', ";", "long-name-"]), 6), content }),
  ({ content, name }) => ({ name: `${name}.bin`, content, type: "application/octet-stream" })
)

/**
 * A message as an application composes it: a subject, text or HTML or both, attachments, several recipients.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const message: Arbitrary.Arbitrary<Message.Composed> = Arbitrary.map(
  Arbitrary.all({
    subject: line,
    name: line,
    to: between(1, 4),
    text: joined(line, 6, "\n"),
    html: joined(line, 6, "\n"),
    shown: oneOf(["text", "html", "both"]),
    attachments: Arbitrary.array(attachment, { maxLength: 3 })
  }),
  ({ attachments, html, name, shown, subject, text, to }) =>
    Message.make({
      from: { name, address: "alice@example.com" },
      to: Array.from({ length: to }, (_, index) => `user${index}@example.org`),
      subject,
      text: shown === "html" ? undefined : text,
      html: shown === "text" ? undefined : html,
      attachments
    })
)

/**
 * A message with its envelope, ready to send; its octets are at hand, and its addresses are ASCII.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const parcel: Arbitrary.Arbitrary<Parcel.Parcel> = Arbitrary.map(
  Arbitrary.all({ content, to: between(1, 5), bounce: Arbitrary.schema(Schema.Boolean) }),
  ({ bounce, content, to }) => {
    const recipients = Array.from({ length: to }, (_, index) => `user${index}@example.org`)
    // These addresses are valid, and so is every message whose lines end in CR LF.
    const envelope = Result.getOrThrow(Envelope.make({ from: bounce ? "" : "alice@example.com", to: recipients }))
    return Result.getOrThrow(Parcel.fromBytes(Bytes.concat([Bytes.from("Subject: x\r\n\r\n"), content]), envelope))
  }
)

/**
 * A reply of one line or several, with any code from 200 to 599, with an enhanced status code or without.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const reply: Arbitrary.Arbitrary<Reply.Reply> = Arbitrary.map(
  Arbitrary.all({
    code: between(200, 599),
    status: Arbitrary.schema(Schema.Boolean),
    lines: Arbitrary.array(oneOf(["", "Ok", "a b", "8BITMIME", "-", "250 Ok", "\u00e9t\u00e9", "x".repeat(400)]), {
      minLength: 1,
      maxLength: 5
    })
  }),
  ({ code, lines, status }) => {
    const digit = Math.floor(code / 100)
    const enhanced = status && digit !== 3 ? `${digit}.7.1 ` : ""
    // Blanks at the end of a line do not survive the way.
    return Reply.make(code, ...lines.map((line) => `${enhanced}${line}`.trimEnd()))
  }
)

/**
 * A way to cut octets into chunks, none of them empty: byte by byte, in one piece, or anywhere. The chunks share the memory
 * of what is cut.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const chunking: Arbitrary.Arbitrary<(octets: Uint8Array) => ReadonlyArray<Uint8Array>> = Arbitrary.map(
  Arbitrary.array(between(1, 40), { maxLength: 20 }),
  (sizes) => (octets) => {
    const chunks: Array<Uint8Array> = []
    for (let at = 0, index = 0; at < octets.length; index++) {
      // The sizes come round again; without any the octets stay in one piece.
      const size = sizes.length === 0 ? octets.length : (sizes[index % sizes.length] ?? 1)
      chunks.push(octets.subarray(at, at + size))
      at += size
    }
    return chunks
  }
)

const host = Arbitrary.all({
  preference: between(0, 3),
  number: between(0, 6),
  addresses: Arbitrary.array(between(1, 9), { maxLength: 4 }),
  alias: Arbitrary.schema(Schema.Boolean)
})

/**
 * A zone for `StaticDns` with the domain `example.com`: mail servers by preference, some without an address, some behind an
 * alias, some that do not exist; no mail servers, or a null MX.
 *
 * @category arbitraries
 * @since 0.1.0
 */
export const zone: Arbitrary.Arbitrary<Zone> = Arbitrary.map(
  Arbitrary.all({
    kind: oneOf(["hosts", "hosts", "hosts", "null", "implicit", "nothing"]),
    hosts: Arbitrary.array(host, { minLength: 1, maxLength: 6 })
  }),
  ({ hosts, kind }) => {
    const ips = (numbers: ReadonlyArray<number>) =>
      numbers.map((n) => (n % 2 === 0 ? `AAAA 2001:db8::${n}` : `A 192.0.2.${n}`))
    if (kind === "null") return { "example.com": ["MX 0 ."] }
    if (kind === "implicit") return { "example.com": ips(hosts[0]?.addresses ?? []) }
    if (kind === "nothing") return { "example.com": ["TXT no mail here"] }
    const nameOf = (number: number) => `mx${number}.example.com`
    return {
      "example.com": hosts.map(({ number, preference }) => `MX ${preference} ${nameOf(number)}`),
      ...Object.fromEntries(
        hosts.flatMap(({ addresses, alias, number }) =>
          alias
            ? [
                [nameOf(number), [`CNAME real${number}.example.com`]],
                [`real${number}.example.com`, ips(addresses)]
              ]
            : number === 0
              ? []
              : [[nameOf(number), ips(addresses)]]
        )
      )
    }
  }
)
