/** Authentication, against peers that say anything. */
import * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import * as Reply from "@effect-mail/protocol/Reply"
import * as Sasl from "@effect-mail/protocol/Sasl"
import type * as SaslExchange from "@effect-mail/protocol/SaslExchange"
import * as SaslMechanism from "@effect-mail/protocol/SaslMechanism"
import * as SaslPrep from "@effect-mail/protocol/SaslPrep"
import * as SaslServer from "@effect-mail/protocol/SaslServer"
import * as SmtpAuth from "@effect-mail/protocol/SmtpAuth"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { createHash, pbkdf2Sync } from "node:crypto"
import type { Random } from "../Random.ts"
import type { Target } from "../Target.ts"
import { ensure, ensurePosition, ensureSame, ensureShowable, utf8 } from "../Target.ts"

const password = "pencil-s3cr3t"
const token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="

// Real digests, so that only who knows the password can prove it; but no more rounds than one, and no chance.
const compute = (request: SaslExchange.Request): Uint8Array => {
  switch (request._tag) {
    case "Digest":
      return createHash(request.hash.replace("-", "").toLowerCase()).update(request.data).digest()
    case "Pbkdf2":
      return pbkdf2Sync(request.password, request.salt, 1, request.length, request.hash.replace("-", "").toLowerCase())
    case "Random":
      return new Uint8Array(request.length)
  }
}

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64")

// The client's nonce is that of 18 octets of 0.
const nonce = "AAAAAAAAAAAAAAAAAAAAAAAA"

// V-062 to V-072: what servers say in an exchange; a line of the input is a challenge.
const challenges = [
  "",
  `r=${nonce}3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096`,
  `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096\nv=6rriTRBi23WpR/wtup+mMhUZUn/dB5nLTJRsjl95G4=`,
  `m=ext,r=${nonce}x,s=QSXCR+Q6sek8bf92,i=4096`,
  `r=${nonce}x,s=QSXCR+Q6sek8bf92,i=1`,
  `r=${nonce}x,s=QSXCR+Q6sek8bf92,i=4096,x=y\ne=invalid-proof`,
  "<1896.697170952@postoffice.reston.mci.net>",
  "Username:\nPassword:",
  "User Name\0\n",
  '{"status":"invalid_token","schemes":"bearer mac","scope":"https://mail.example.com/"}',
  '{"status":"401","schemes":"bearer","openid-configuration":"https://x.example/"}\n',
  '{"status":1}'
]
const challengeTokens = [
  "r=",
  nonce,
  ",",
  "s=",
  "QSXCR+Q6sek8bf92",
  "i=",
  "4096",
  "99999999",
  "-1",
  "v=",
  "e=",
  "m=",
  "=",
  "\n",
  "{",
  "}",
  '"status":',
  '"',
  "[",
  ":",
  "\0",
  "\x01",
  "\xff",
  '{"__proto__":1}',
  "\\u0000"
]

const credentials: ReadonlyArray<Sasl.Credentials> = [
  new Sasl.Password({ username: "user", password: Redacted.make(password) }),
  new Sasl.Password({ username: "üser,=", password: Redacted.make(password), authzid: "other" }),
  new Sasl.Token({ username: "user@example.com", token: Redacted.make(token) }),
  new Sasl.External({ authzid: "other" }),
  new Sasl.External({})
]

const mechanisms: ReadonlyArray<Sasl.Name> = [...Sasl.standard.mechanisms, "CRAM-MD5"]

// What a hostile server says next: mostly a challenge, in base64 or not.
const reply = (lines: Array<string>, random: Random): Reply.Reply => {
  const line = lines.shift() ?? ""
  if (random.once(10)) return Reply.make(random.pick([235, 250, 334, 421, 454, 500, 504, 534, 535]), line)
  if (lines.length === 0 && random.once(3)) return Reply.make(235, "2.7.0 Accepted")
  return Reply.make(334, random.once(8) ? line : base64(line))
}

const clientLaws = (input: string, random: Random): boolean => {
  const who = random.pick(credentials)
  const session: Sasl.Session = {
    offered: random.once(3) ? random.some(mechanisms) : [random.pick(mechanisms)],
    encrypted: true,
    clientCertificate: true,
    channelBinding: random.once(2) ? { type: "tls-exporter", data: new Uint8Array(32) } : undefined,
    host: "mail.example.com",
    port: 587
  }
  const lines = input.split("\n")
  const dialogue = ClientDialogue.authenticate(who, session, { mechanisms })
  let steps = 0
  let said = ""
  let step = dialogue.next()
  while (step.done !== true) {
    ensure(++steps < 300, "an exchange ends")
    if (step.value._tag === "Compute") {
      step = dialogue.next({ replies: [], lost: undefined, octets: compute(Redacted.value(step.value.request)) })
      continue
    }
    ensure(step.value._tag === "Flight" && step.value.items.length === 1, "one line at a time")
    const item = step.value.items[0]
    ensure(item?._tag === "Line", "nothing but lines")
    const wire = Redacted.isRedacted(item.wire) ? Redacted.value(item.wire) : item.wire
    ensure(/^[\x20-\x7e]*\r\n$/.test(wire) && wire.length <= SmtpAuth.maximumLine, "what is said is one line", wire)
    ensure(!item.shown.includes("=") && item.shown.length < 40, "what is shown has no secret", item.shown)
    said += wire
    step = dialogue.next({ replies: [reply(lines, random)], lost: undefined })
  }
  const result = step.value
  if (Result.isFailure(result)) {
    const told = JSON.stringify(result.failure)
    ensure(!told.includes(password) && !told.includes(token), "a failure does not tell the secret", told)
    return false
  }
  ensure(!result.success.mechanism.startsWith("SCRAM"), "nobody is believed without a proof", result.success.mechanism)
  ensureSame("success is a 235", result.success.reply.code, 235)
  ensure(said.includes(`AUTH ${result.success.mechanism}`), "it was asked for")
  return true
}

// What clients say to a server; the first line may be the initial response.
const responses = [
  `\0user\0${password}`,
  `other\0user\0${password}`,
  `user\n${password}`,
  `n,,n=user,r=${nonce}\nc=biws,r=${nonce}AAAAAAAAAAAAAAAAAAAAAAAA,p=AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n`,
  `p=tls-exporter,a=x,n=us=2Cer,r=${nonce}`,
  `user b913a602c7eda7a495b4e6e7334d3890`,
  `n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer ${token}\x01\x01`,
  `user=user@example.com\x01auth=Bearer ${token}\x01\x01\n`,
  "*",
  ""
]
const responseTokens = [
  "\0",
  "\x01",
  ",",
  "=",
  "=2C",
  "=3D",
  "n",
  "y",
  "p=",
  "n,,",
  "n=",
  "r=",
  "c=biws",
  "a=",
  "auth=Bearer ",
  "user",
  password,
  "*",
  "\n",
  "\xff",
  utf8("ü\u00ad")
]

const accounts: SaslServer.Accounts = {
  password: (username) => (username === "user" ? Redacted.make(password) : undefined),
  token: (username, given) =>
    username === "user@example.com" && Redacted.value(given) === token ? undefined : { status: "invalid_token" },
  certificate: "user",
  channelBinding: { type: "tls-exporter", data: new Uint8Array(32) },
  iterations: 4096
}
const offered = SaslServer.mechanisms(accounts)

const serverLaws = (input: string, random: Random): boolean => {
  const lines = input.split("\n")
  const line = () => {
    const text = lines.shift() ?? ""
    return text === "*" || random.once(10) ? text : base64(text)
  }
  const dialogue = SmtpAuth.serve(offered, {
    mechanism: random.once(20) ? input.slice(0, 20) : random.pick(offered).name,
    initial: random.once(3) ? undefined : line()
  })
  let steps = 0
  let step = dialogue.next()
  while (step.done !== true) {
    ensure(++steps < 100, "an exchange ends")
    const asked = step.value
    if (asked._tag === "Ask")
      ensure(Result.isSuccess(Reply.format(asked.reply)), "a challenge can be sent", asked.reply)
    step = dialogue.next(asked._tag === "Ask" ? line() : compute(Redacted.value(asked.request)))
  }
  const { identity, reply } = step.value
  ensureSame("235 is said to who is known", reply.code === 235, identity !== undefined)
  ensure(Result.isSuccess(Reply.format(reply)), "the end can be sent", reply)
  if (identity === undefined) return false
  ensure(["user", "user@example.com"].includes(identity.username), "only who is known gets in", identity)
  ensureSame("nobody acts as another", identity.authzid, identity.username)
  return true
}

const prepared = [
  "I\u00adX",
  "user",
  "USER",
  "\u00aa",
  "\u2168",
  "\u0007",
  "\u0627\u0031",
  "\u0627\u0031\u0628",
  "p\u00a0w",
  "\ufb01\u0301",
  "\u{1f600}",
  "\ue000",
  "\ufdfa",
  "\u05d0a"
]

const prepLaws = (input: string): boolean => {
  const result = SaslPrep.prepare(input)
  if (Result.isFailure(result)) {
    ensurePosition(result.failure.position, input)
    ensureShowable("the error", result.failure.message, 200)
    return false
  }
  const once = result.success
  ensure(once.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f\ufeff\u200b]/.test(once), "nothing hidden is left", once)
  ensureSame("it is in NFKC", once.normalize("NFKC"), once)
  // U+FDFA, the worst, becomes 18 characters.
  ensure(once.length <= input.length * 18, "it does not grow without bound", once.length)
  return true
}

export const targets: ReadonlyArray<Target> = [
  {
    name: "SASL client",
    reads: "octets",
    seeds: challenges,
    tokens: challengeTokens,
    check: clientLaws
  },
  {
    name: "SASL server",
    reads: "octets",
    seeds: responses,
    tokens: responseTokens,
    check: serverLaws
  },
  {
    name: "SaslMechanism.readRefusal",
    reads: "octets",
    seeds: challenges,
    tokens: challengeTokens,
    check: (input) => {
      const refusal = SaslMechanism.readRefusal(Buffer.from(input, "latin1"))
      if (refusal === undefined) return false
      for (const word of Object.values(refusal)) ensureShowable("a word of a refusal", String(word), 5000)
      ensureSame("it reads the same", SaslMechanism.readRefusal(SaslMechanism.writeRefusal(refusal)), refusal)
      return true
    },
    grow: { whole: (input) => SaslMechanism.readRefusal(Buffer.from(input, "latin1")) }
  },
  {
    name: "SaslPrep.prepare",
    reads: "text",
    seeds: prepared,
    tokens: [...prepared, "a", "\u0627", "\u0301", "\u200b", "\u00ad", "\ud800", " "],
    check: prepLaws,
    grow: { whole: SaslPrep.prepare }
  }
]
