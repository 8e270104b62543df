/** Addresses, host names and the encodings of parameters. */
import * as Address from "@effect-mail/protocol/Address"
import * as Command from "@effect-mail/protocol/Command"
import * as Xtext from "@effect-mail/protocol/Xtext"
import * as Result from "effect/Result"
import type { Target } from "../Target.ts"
import { ensure, ensurePosition, ensureSame, ensureShowable } from "../Target.ts"

// V-075, V-076, V-077, V-058.
const mailboxes = [
  "user@example.com",
  "a@b",
  '"funny user"@domain',
  '""@example.com',
  '"a\\"b"@example.com',
  '"a@b"@example.com',
  "a+b@example.com",
  "o'brien@example.com",
  "e=mc2@example.com",
  "user@[192.0.2.1]",
  "user@[IPv6:2001:db8::1]",
  "user@[IPv6:::ffff:192.0.2.1]",
  "1@2.3",
  `${"a".repeat(64)}@x.example`,
  `${"a".repeat(54)}@${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(63)}.example`,
  "!#$%&'*+-/=?^_`{|}~@example.com",
  "funny user@domain",
  "user@@example.com",
  "a..b@x.com",
  "user@a-.com",
  "user@example.com.",
  "user@[300.0.2.1]",
  '"unclosed@x.com',
  "ü@example.com",
  "δοκιμή@παράδειγμα.δοκιμή",
  "user@münchen.example",
  "user@faß.example",
  "user@例え.テスト",
  "user@xn--mnchen-3ya.example",
  "user@пример.рф"
]

const names = [
  "example.com",
  "mail.EXAMPLE.com",
  "münchen.example",
  "MÜNCHEN.example",
  "straße.example",
  "例え.テスト",
  "пример.рф",
  "xn--mnchen-3ya.example",
  "xn--a.example",
  "ex_ample.com",
  "exa mple.com",
  "a\u200db.example",
  "\u0627\u0644.example",
  `${"a".repeat(63)}.example`
]

const tokens = [
  "@",
  ".",
  "..",
  "<",
  ">",
  "<>",
  '"',
  '\\"',
  "\\",
  "(",
  ")",
  "((",
  ",",
  ";",
  ":",
  "[",
  "]",
  "[IPv6:",
  "::",
  "ffff:",
  "192.0.2.1",
  "a",
  "user",
  "example.com",
  "xn--",
  "xn--mnchen-3ya",
  "-",
  "_",
  " ",
  "\t",
  "\r\n",
  "\0",
  "ü",
  "ß",
  "\u0131",
  "\u017f",
  "\u200d",
  "\u3002",
  "\uff0e",
  "\u{1f600}",
  "\ud83d",
  "postmaster",
  "@a.example,@b.example:"
]

type Outcome = Result.Result<string, Address.AddressError>

const refused = (input: string, error: Address.AddressError): false => {
  ensurePosition(error.position, input)
  ensureShowable("the error", error.message)
  return false
}

// What every accepted mailbox is: canonical, bounded, harmless, and fit for a command.
const mailbox = (found: Address.Mailbox): true => {
  ensureSame("a parsed mailbox is canonical", Result.getOrThrow(Address.parse(found)), found)
  ensureSame("the lenient parser takes it as it is", Result.getOrThrow(Address.parseLenient(found)), found)
  ensureSame("it makes a path", Result.getOrThrow(Address.parsePath(`<${found}>`)), found)
  ensureSame("the path ends where it ends", Address.pathEnd(`<${found}> SIZE=1`), found.length + 2)
  ensureShowable("a mailbox", found, 254)
  ensure(Buffer.byteLength(Address.localPart(found)) <= 64, "a local part has at most 64 octets", found)
  ensure(Buffer.byteLength(found) <= 254 && Address.asciiDomain(found).length <= 252, "a path fits 256 octets", found)
  ensure(!/[^.]{64}/.test(Address.asciiDomain(found)), "a label has at most 63 octets", found)
  ensureSame("it is its parts", `${Address.localPart(found)}@${Address.domain(found)}`, found)
  ensure(/^[\x21-\x5a\x5c\x5e-\x7e]+$|^\[[\w.:]+\]$/.test(Address.asciiDomain(found)), "a domain has A-labels")
  const ascii = Address.toAscii(found)
  ensure(ascii !== undefined || !/^[\0-\x7f]*$/.test(Address.localPart(found)), "only a local part keeps it from ASCII")
  if (ascii !== undefined) ensureSame("its ASCII form is canonical", Address.parse(ascii), Result.succeed(ascii))
  const utf8 = Address.isAscii(found) ? [] : [{ keyword: "SMTPUTF8" }]
  ensure(Result.isSuccess(Command.encode(Command.mail(found, utf8))), "it can be sent", found)
  return true
}

const one = (parse: (input: string) => Result.Result<Address.Mailbox, Address.AddressError>) => (input: string) => {
  const result = parse(input)
  return Result.isFailure(result) ? refused(input, result.failure) : mailbox(result.success)
}

const path =
  (
    parse: (input: string) => Result.Result<Address.ReversePath | Address.ForwardPath, Address.AddressError>,
    special: string
  ) =>
  (input: string) => {
    const result = parse(input)
    if (Result.isFailure(result)) return refused(input, result.failure)
    // Whatever is not the special one is a mailbox.
    return result.success === special || mailbox(result.success as Address.Mailbox)
  }

const name =
  (parse: (input: string) => Outcome) =>
  (input: string): boolean => {
    const result = parse(input)
    if (Result.isFailure(result)) return refused(input, result.failure)
    const found = result.success
    ensureSame("a parsed name stays as it is", Result.getOrThrow(parse(found)), found)
    ensure(/^[\x21-\x7e]{1,255}$/.test(found), "a name is printable ASCII", found)
    ensure(Result.isSuccess(Command.encode(Command.ehlo(found))), "a name can be said in EHLO", found)
    return true
  }

const paths = [
  ...mailboxes.map((mailbox) => `<${mailbox}>`),
  "<>",
  "<Postmaster>",
  "<@a.example,@b.example:user@d.example>"
]
const written = [
  ...mailboxes,
  ...paths,
  "Joe <joe@x.com>",
  '"Joe, Smith" <joe@example.com>',
  "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
  "a@x.com,b@x.com",
  "a@example.com <b@example.com>",
  "(comment (nested)) user@example.com (more)"
]

const grown = (parse: (input: string) => unknown) => ({ grow: { whole: parse } })

const xtext = [
  "e+3Dmc2@example.com",
  "a+2Bb@example.com",
  "tab+09here",
  "+C3+A9@x",
  "QQ314159",
  "",
  "a+2",
  "a+2G",
  "a=b",
  "+ED+A0+80",
  "%41"
]
const unitext = [
  "\\x{C3}user@example.com",
  "a\\x{2B}b",
  "\\x{10FFFF}",
  "\\x{D800}",
  "\\x{0041}",
  "ü@x",
  "\\x{",
  "user\\x{3D}@\\x{20AC}"
]
const escapes = [
  "+",
  "+2B",
  "+3D",
  "+C3+A9",
  "+FF",
  "%",
  "%41",
  "\\x{",
  "}",
  "\\x{41}",
  "\\x{10FFFF}",
  "\\x{D800}",
  "=",
  " ",
  "a",
  "ü",
  "\ud800"
]

const wireSafe = /^[\x21-\x3c\x3e-\x7e]*$/

const codec =
  (
    decode: (input: string) => Result.Result<string, Xtext.XtextError>,
    encoders: ReadonlyArray<{ readonly encode: (text: string) => string; readonly ascii: boolean }>
  ) =>
  (input: string): boolean => {
    for (const { ascii, encode } of encoders) {
      const encoded = encode(input)
      ensureSame("what was encoded decodes to the same", Result.getOrThrow(decode(encoded)), input.toWellFormed())
      if (ascii) ensure(wireSafe.test(encoded), "an encoded value is printable ASCII without =", encoded)
      else ensure(!/[\0-\x20=\x7f]/.test(encoded), "an encoded value ends no parameter", encoded)
    }
    const decoded = decode(input)
    if (Result.isSuccess(decoded)) {
      ensure(decoded.success.length <= input.length, "decoding makes nothing longer")
      return true
    }
    ensurePosition(decoded.failure.position, input)
    ensureShowable("the error", decoded.failure.message)
    return false
  }

const text = { reads: "text", tokens } as const

export const targets: ReadonlyArray<Target> = [
  { name: "Address.parse", ...text, seeds: mailboxes, check: one(Address.parse), ...grown(Address.parse) },
  {
    name: "Address.parseLenient",
    ...text,
    seeds: written,
    check: one(Address.parseLenient),
    ...grown(Address.parseLenient)
  },
  { name: "Address.parsePath", ...text, seeds: paths, check: path(Address.parsePath, ""), ...grown(Address.parsePath) },
  {
    name: "Address.parseForwardPath",
    ...text,
    seeds: paths,
    check: path(Address.parseForwardPath, "postmaster"),
    ...grown(Address.parseForwardPath)
  },
  {
    name: "Address.make",
    ...text,
    seeds: mailboxes,
    check: (input) => {
      const at = input.lastIndexOf("@")
      const made = Address.make(input.slice(0, Math.max(at, 0)), input.slice(at + 1))
      if (Result.isSuccess(made)) return mailbox(made.success)
      ensureShowable("the error", made.failure.message)
      return false
    }
  },
  { name: "Address.domainName", ...text, seeds: names, check: name(Address.domainName), ...grown(Address.domainName) },
  {
    name: "Address.parseEhloName",
    ...text,
    seeds: [
      ...names,
      "[192.0.2.1]",
      "192.0.2.1",
      "2001:db8::1",
      "[IPv6:2001:db8::1]",
      "::ffff:192.0.2.1",
      "fe80::1%eth0"
    ],
    check: name(Address.parseEhloName),
    ...grown(Address.parseEhloName)
  },
  {
    name: "Xtext.decode",
    reads: "text",
    seeds: xtext,
    tokens: escapes,
    check: codec(Xtext.decode, [{ encode: Xtext.encode, ascii: true }]),
    grow: { decode: Xtext.decode, encode: Xtext.encode }
  },
  {
    name: "Xtext.decodeUnitext",
    reads: "text",
    seeds: unitext,
    tokens: escapes,
    check: codec(Xtext.decodeUnitext, [
      { encode: Xtext.encodeUtf8Xtext, ascii: true },
      { encode: Xtext.encodeUnitext, ascii: false }
    ]),
    grow: { decode: Xtext.decodeUnitext, encode: Xtext.encodeUnitext }
  }
]
