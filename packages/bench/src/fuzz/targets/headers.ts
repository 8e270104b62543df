/** Headers of messages. */
import * as AddressList from "@effect-mail/message/AddressList"
import * as EncodedWord from "@effect-mail/message/EncodedWord"
import * as Header from "@effect-mail/message/Header"
import type * as MessageError from "@effect-mail/message/MessageError"
import * as Parameter from "@effect-mail/message/Parameter"
import * as Result from "effect/Result"
import type { Target } from "../Target.ts"
import { ensure, ensurePosition, ensureSame, ensureShowable } from "../Target.ts"

const refused = (input: string, error: MessageError.MessageError): false => {
  ensureShowable("the error", error.message)
  if (error.position !== undefined) ensurePosition(error.position, input)
  return false
}

const unfolded = (field: string): string =>
  field
    .slice(field.indexOf(":") + 1, -2)
    .replace(/\r\n(?=[ \t])/g, "")
    .replace(/^ /, "")

// A field is made of lines that can be sent, the first of them with the name.
const field = (text: string, name: string): void => {
  ensure(text.startsWith(`${name}:`) && text.endsWith("\r\n"), "a field has its name and its end", text)
  ensure(text.isWellFormed() && !/\0/.test(text), "a field is text", text)
  for (const line of text.slice(0, -2).split("\r\n")) {
    ensure(!/[\r\n]/.test(line), "a line end is CR LF", text)
    ensure(Buffer.byteLength(line) <= 998, "no line is too long", line.length)
    ensure(/[^ \t]/.test(line), "no line is blank", text)
  }
  const heads = text.split("\r\n").slice(1, -1)
  ensure(
    heads.every((line) => /^[ \t]/.test(line)),
    "a field is one field",
    text
  )
}

// V-075 to V-079.
const lists = [
  "user@example.com",
  '"Joe, Smith" <joe@example.com>, bob@example.com',
  "A Group:Ed Jones <joe@a.test>,joe@where.test,John <jdoe@one.test>;",
  "Undisclosed recipients:;",
  "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
  "Joe <joe@x.com>",
  "=?utf-8?q?J=C3=B6?= <joe@x.com>, =?utf-8?b?SsO2?= =?utf-8?b?SsO2?= <a@b>",
  '"quoted"@example.com',
  "ü@example.com, user@münchen.example",
  ",,a@b,,",
  "g:a@b;, h:c@d;",
  "John Q. Public <jqp@example.com>"
]
const listTokens = [
  "<",
  ">",
  "@",
  ",",
  ";",
  ":",
  "(",
  ")",
  "((",
  '"',
  "\\",
  "[",
  "]",
  ".",
  " ",
  "\t",
  "a",
  "a@b",
  "<a@b>",
  "g:",
  "=?utf-8?q?=41?=",
  "=?",
  "?=",
  "=?utf-8?b?",
  "ü",
  "\0",
  "\r\n",
  "\ud800",
  "\u2028",
  "\u00ad"
]

// A domain is written in A-labels where it can be.
const asWritten = (address: AddressList.Address): unknown =>
  address._tag === "Group"
    ? { name: address.name, members: address.members.map(asWritten) }
    : { name: address.name, address: AddressList.addressText(address.address) }

const listLaws = (input: string): boolean => {
  const result = AddressList.parse(input)
  if (Result.isFailure(result)) return refused(input, result.failure)
  const list = result.success
  ensure(AddressList.mailboxes(list).length <= AddressList.maxAddresses, "a list is bounded")
  ensure(AddressList.format(list).length <= input.length * 8 + 20, "what is shown is bounded")
  const written = AddressList.encode("To", list)
  if (Result.isFailure(written)) {
    ensureShowable("the error", written.failure.message)
    return true
  }
  field(written.success, "To")
  const again = Result.getOrThrow(AddressList.parse(unfolded(written.success)))
  ensureSame("a list that is written reads the same", again.map(asWritten), list.map(asWritten))
  return true
}

// V-088 to V-091.
const words = [
  "=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=",
  "=?ISO-8859-1?Q?a?= b",
  "=?ISO-8859-1?Q?a_b?=",
  "=?ISO-8859-1?Q?a?=\r\n =?ISO-8859-1?Q?b?=",
  "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
  "=?utf-8?b?UHLDvGZ1bmcg5pel5pys6Kqe?=",
  "=?utf-8*en?q?hi?=",
  "=?unknown?q?hi?=",
  "=?utf-8?q?=ff=fe?=",
  "Prüfung 日本語",
  "é".repeat(40),
  "plain text with nothing in it",
  " =?= =?x?= ",
  "\u{1f600}".repeat(30)
]
const wordTokens = [
  "=?",
  "?=",
  "?q?",
  "?b?",
  "?Q?",
  "utf-8",
  "iso-8859-1",
  "utf-16",
  "x-none",
  "*en",
  "=41",
  "=C3=BC",
  "=",
  "_",
  "QUJD",
  "QQ==",
  " ",
  "\t",
  "\r\n ",
  "\r",
  "\n",
  "é",
  "\u{1f600}",
  "\ud83d",
  "a",
  "a".repeat(70),
  "\0"
]

const wordLaws = (input: string): boolean => {
  const decoded = EncodedWord.decode(input)
  ensure(decoded.length <= input.length, "decoding makes nothing longer", decoded.length, input.length)
  for (const options of [{}, { first: 30 }, { first: 64, rest: 64 }]) {
    const encoded = EncodedWord.encode(input, options)
    ensure(
      encoded.every((word) => word.length <= 75 && /^=\?[!->@-~]+\?[qb]\?[!->@-~]*\?=$/.test(word)),
      "an encoded-word is one",
      encoded
    )
    const whole = input.toWellFormed()
    ensureSame("what was encoded decodes to the same", EncodedWord.decode(encoded.join(" ")), whole)
    if (input !== "") {
      ensureSame("what stands around it stays", EncodedWord.decode(` ${encoded.join("\t")} b`), ` ${whole} b`)
    }
  }
  return decoded !== input
}

const headerLaws = (input: string): boolean => {
  let accepted = 0
  const named = Header.field(input, "x")
  if (Result.isSuccess(named)) field(named.success, input)
  else ensureShowable("the error", named.failure.message, input.length + 1000)
  for (const make of [Header.unstructured, Header.field]) {
    const written = make("Subject", input)
    if (Result.isFailure(written)) {
      refused(input, written.failure)
      continue
    }
    accepted++
    field(written.success, "Subject")
    if (make === Header.unstructured) {
      const read = EncodedWord.decode(unfolded(written.success))
      ensureSame("free text reads the same", read, input)
    }
  }
  const structured = Header.structured("X-List", input.split(" "))
  if (Result.isSuccess(structured)) ensure(structured.success.startsWith("X-List:"), "a field has its name")
  else refused(input, structured.failure)
  return accepted > 0
}

// V-092 to V-094.
const values = [
  "text/plain; charset=utf-8",
  "title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
  'x; URL*0="ftp://"; URL*1="cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"',
  "attachment; filename*=UTF-8''%e2%82%ac%20rates",
  "attachment; filename*=UTF-8''na%C3%AFve%20file.txt; filename=\"naive file.txt\"",
  'a; b="c\\"d"; e=',
  "a;;b=c;",
  "a; *=x; b*1=y; b*999=z",
  "x; __proto__=1; constructor*0=2"
]
const valueTokens = [
  ";",
  "=",
  "*",
  "*0",
  "*1",
  "*0*",
  "*999",
  "'",
  "''",
  "utf-8''",
  "iso-8859-1'en'",
  "%",
  "%e2%82%ac",
  "%ff",
  '"',
  "\\",
  " ",
  "\t",
  "\r\n",
  "a",
  "name",
  "filename*=",
  "ü",
  "\ud800",
  "\0",
  "__proto__"
]

const parameterLaws = (input: string): boolean => {
  const encoded = Parameter.encodeAll("x/y", [
    ["name", input],
    ["other", "1"]
  ])
  const read = Result.getOrThrow(Parameter.parse(encoded.join(" ")))
  ensureSame("what was encoded reads the same", read.parameters.get("name"), input.toWellFormed())
  ensureSame("and nothing else does", [read.parameters.size, read.parameters.get("other")], [2, "1"])
  ensure(
    encoded.every((piece) => /^[ -~]*$/.test(piece) && piece.length <= 120),
    "a parameter is in printable pieces",
    encoded
  )
  const result = Parameter.parse(input)
  if (Result.isFailure(result)) return refused(input, result.failure)
  const { parameters, value } = result.success
  const total = [...parameters].reduce((sum, [name, text]) => sum + name.length + text.length, value.length)
  ensure(total <= input.length, "nothing is added", total, input.length)
  return parameters.size > 0
}

export const targets: ReadonlyArray<Target> = [
  {
    name: "AddressList.parse",
    reads: "text",
    seeds: lists,
    tokens: listTokens,
    check: listLaws,
    grow: {
      parse: (input) => AddressList.parse(input),
      "parse and write": (input) => Result.map(AddressList.parse(input), (list) => AddressList.encode("To", list))
    }
  },
  {
    name: "EncodedWord.decode",
    reads: "text",
    seeds: words,
    tokens: wordTokens,
    check: wordLaws,
    grow: { decode: EncodedWord.decode, encode: (input) => EncodedWord.encode(input) }
  },
  {
    name: "Header",
    reads: "text",
    seeds: [...words, ...values, ...lists],
    tokens: [...wordTokens, ":", "Subject"],
    check: headerLaws,
    grow: {
      unstructured: (input) => Header.unstructured("Subject", input),
      field: (input) => Header.field("Subject", input),
      name: (input) => Header.checkName(input)
    }
  },
  {
    name: "Parameter.parse",
    reads: "text",
    seeds: values,
    tokens: valueTokens,
    check: parameterLaws,
    grow: { parse: (input) => Parameter.parse(input), encode: (input) => Parameter.encode("name", input) }
  }
]
