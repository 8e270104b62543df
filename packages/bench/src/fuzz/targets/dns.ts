/** Replies of name servers, which strangers write. */
import * as DnsMessage from "@effect-mail/dns/DnsMessage"
import * as Preflight from "@effect-mail/dns/Preflight"
import { type Answer, Resolver, ResolverError } from "@effect-mail/dns/Resolver"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { Target } from "../Target.ts"
import { ensure, ensureSame, ensureShowable, octetsOf, unitsOf } from "../Target.ts"

const question = "\x07example\x03com\0\0\x0f\0\x01"
const header = (answers: number) => `\x12\x34\x81\xa0\0\x01\0${String.fromCharCode(answers)}\0\0\0\x01`
const edns = "\0\0\x29\x04\xd0\0\0\0\0\0\x06\0\x0f\0\x02\0\x06"

const replies = [
  `${header(1)}${question}\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x09\0\x0a\x04mail\xc0\x0c${edns}`,
  `${header(2)}${question}\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01a\xc0\x0c\xc0\x29\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01${edns}`,
  `${header(1)}${question}\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x0b\x05hello\x04wide${edns}`,
  `${header(1)}${question}\xc0\x0c\0\x34\0\x01\0\0\0\x3c\0\x07\x03\x01\x01abcd${edns}`,
  `${header(1)}${question}\xc0\x0c\0\x1c\0\x01\0\0\0\x3c\0\x10${"\x20\x01\x0d\xb8".repeat(4)}${edns}`,
  `${header(1)}${question}\xc0\x0c\0\x06\0\x01\0\0\0\x3c\0\x1a\x01n\xc0\x0c\x01h\xc0\x0c${"\0\0\0\x01".repeat(5)}${edns}`,
  `${header(1)}${question}\xc0\x0c\0\x0c\0\x01\0\0\0\x3c\0\x02\xc0\x0c${edns}`,
  `\x12\x34\x83\x80\0\x01\0\0\0\0\0\0${question}`
]

const tokens = [
  "\0",
  "\xc0\x0c",
  "\xc0\x10",
  "\xc0\0",
  "\xff",
  "\x3f",
  "\x01a",
  "\x01.",
  "\x01\\",
  "\x01\x80",
  "\0\x0f\0\x01",
  "\0\x01\0\x01",
  "\0\0\0\x3c",
  "\0\x04",
  edns
]

const replyLaws = (input: string): boolean => {
  const bytes = octetsOf(input)
  const result = DnsMessage.decode(bytes)
  if (Result.isFailure(result)) {
    ensureShowable("the error", result.failure.message)
    ensure(result.failure.position >= 0 && result.failure.position <= input.length, "a position is in the message")
    return false
  }
  const { answers, authority, truncated } = result.success
  ensure(!truncated || answers.length + authority.length === 0, "nothing is read of what was cut")
  for (const record of [...answers, ...authority]) {
    // An octet is at most four characters, as in \255.
    ensure(/^[\x21-\x7e]{1,1020}$/.test(record.name), "a name is printable ASCII", record.name)
    ensure(record.ttl >= 0 && record.ttl < 2 ** 31, "a time to live is one", record.ttl)
    if (record.type === "TXT") ensure(record.text.length <= input.length, "a text is not longer than its octets")
  }
  ensureSame("the message is left alone", unitsOf(bytes), input)
  return answers.length > 0
}

const queryLaws = (input: string): boolean => {
  const result = DnsMessage.encodeQuery(input, "MX")
  if (Result.isFailure(result)) {
    ensureShowable("the error", result.failure.message)
    return false
  }
  const query = result.success
  ensure(query.length <= 12 + 255 + 15, "a question is bounded", query.length)
  const reply = Uint8Array.from(query)
  reply[2] = 0x81
  ensure(DnsMessage.isReplyTo(query, reply), "it is found in its reply")
  ensure(!DnsMessage.isReplyTo(query, DnsMessage.withId(reply, 1)), "and in no other")
  ensure(Result.isSuccess(DnsMessage.decode(reply)), "its reply can be read")
  return true
}

const u16 = (value: number): string => String.fromCharCode(value >> 8, value & 0xff)

// A reply of about that length. The first record holds pointers, each to the one before it; every other record has the
// last of them for its name.
const pointers = (length: number): string => {
  const chain = Math.min(length >> 3, 8000)
  const data = Array.from({ length: chain }, (_, i) => u16(0xc000 + (i === 0 ? 12 : 21 + i * 2))).join("")
  const holder = `\0\0\x63\0\x01\0\0\0\0${u16(data.length)}${data}`
  const record = `${u16(0xc000 + 21 + chain * 2)}\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01`
  const count = Math.min(1 + Math.ceil((length - data.length) / record.length), 65_535)
  return `\0\0\x81\x80\0\0${u16(count)}\0\0\0\0${holder}${record.repeat(count - 1)}`
}

// A receiver asks ten times for SPF, and looks at ten hosts of each MX or PTR it is sent to.
const maxQuestions = 200

const address = Result.getOrThrow(NetAddress.ipv4FromString("192.0.2.1"))

// Every name has these TXT records, and is a mail server of its own at an address of its own.
const preflightLaws = async (input: string): Promise<boolean> => {
  const texts = input.split("\n", 4)
  let asked = 0
  const answers = (name: string, type: DnsMessage.RecordType): ReadonlyArray<DnsMessage.DnsRecord> => {
    if (type === "TXT") return texts.map((text) => ({ name, type, ttl: 60, text }))
    if (type === "MX") return [{ name, type, ttl: 60, priority: 10, exchange: name }]
    if (type === "A") return [{ name, type, ttl: 60, address }]
    return []
  }
  const query = (name: string, type: DnsMessage.RecordType) =>
    Effect.suspend(() => {
      ensure(++asked <= maxQuestions, "the questions are bounded", asked)
      const question = DnsMessage.encodeQuery(name, "TXT")
      if (Result.isFailure(question)) {
        const detail = question.failure.message
        return Effect.fail(new ResolverError({ reason: "BadName", question: `${type} ${name}`, detail }))
      }
      const records = answers(name, type)
      return Effect.succeed<Answer>({ rcode: "NOERROR", records, alias: undefined, authenticated: false, ttl: 60 })
    })
  // The records are those of the type that is asked for, which the compiler cannot see.
  const resolver = Resolver.of({ query: query as Resolver["Service"]["query"] })
  const { findings } = await Effect.runPromise(
    Effect.provideService(Preflight.check("example.com", { selector: "s", ip: "192.0.2.1" }), Resolver, resolver)
  )
  for (const { text } of findings) ensureShowable("a finding", text, 2000)
  return findings.filter(({ severity }) => severity === "ok").length > 2
}

const policies = [
  "v=spf1 ip4:192.0.2.0/24 include:_spf.example.net mx -all\nv=DMARC1; p=reject; rua=mailto:d@example.com; pct=50",
  "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\nv=DMARC1; p=none; adkim=s; sp=quarantine",
  "v=spf1 a:%{d}.example mx/24//64 exists:%{i}._spf.example ip6:2001:db8::/32 redirect=_spf.example.com",
  "v=spf1 include:example.com include:a include:b include:c include:d include:e include:f include:g ptr ?all",
  "v=DKIM1; h=sha1:sha256; s=email; t=y:s; p=\nv=DKIM1; p=MIGf!\nv=spf1 +all"
]

export const targets: ReadonlyArray<Target> = [
  {
    name: "Preflight.check",
    reads: "text",
    seeds: policies,
    tokens: [
      "v=spf1 ",
      "v=DMARC1; ",
      "v=DKIM1; ",
      "\n",
      "; ",
      "=",
      ":",
      "/",
      " ",
      "p=",
      "include:",
      "redirect=",
      "ip4:",
      "ip6:",
      "mx",
      "a",
      "ptr",
      "exists:",
      "%{i}",
      "-all",
      "mailto:",
      ",",
      "\0",
      "\u212a",
      "rua="
    ],
    check: preflightLaws
  },
  {
    name: "DnsMessage.decode",
    reads: "octets",
    seeds: replies,
    tokens,
    check: replyLaws,
    grow: {
      whole: (input) => DnsMessage.decode(octetsOf(input)),
      "pointers to pointers": (input) => DnsMessage.decode(octetsOf(pointers(Math.min(input.length, 60_000)))),
      records: (input) => DnsMessage.decode(octetsOf(`\0\0\x81\x80\0\0\xff\xff\xff\xff\xff\xff${input}`))
    }
  },
  {
    name: "DnsMessage.encodeQuery",
    reads: "text",
    seeds: [
      "example.com",
      "a.",
      ".",
      "",
      "_dmarc.example.com",
      "xn--mnchen-3ya.example",
      `${"a".repeat(63)}.b`,
      "a..b"
    ],
    tokens: [".", "a", "-", "_", "\\", "\\046", " ", "\0", "ü", "a".repeat(63)],
    check: queryLaws,
    grow: { whole: (input) => DnsMessage.encodeQuery(input, "MX") }
  }
]
