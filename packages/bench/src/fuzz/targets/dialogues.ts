/** Whole conversations, with the other side out of its mind. */
import * as Capabilities from "@effect-mail/protocol/Capabilities"
import * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import type * as Dialogue from "@effect-mail/protocol/Dialogue"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Reply from "@effect-mail/protocol/Reply"
import * as Sasl from "@effect-mail/protocol/Sasl"
import * as ServerDialogue from "@effect-mail/protocol/ServerDialogue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Random } from "../Random.ts"
import type { Target } from "../Target.ts"
import { ensure, ensureSame, ensureShowable, octetsOf } from "../Target.ts"
import { commands } from "./commands.ts"
import { read, replies, replyTokens } from "./replies.ts"
import { accounts, compute } from "./sasl.ts"

const keywords = [
  "PIPELINING",
  "8BITMIME",
  "SMTPUTF8",
  "CHUNKING",
  "BINARYMIME",
  "DSN",
  "SIZE 1000",
  "LIMITS RCPTMAX=2",
  "STARTTLS",
  "AUTH PLAIN",
  "REQUIRETLS",
  "FUTURERELEASE 604800 2030-01-01T00:00:00Z",
  "DELIVERBY 120",
  "MT-PRIORITY"
]

const envelopes = [
  { from: "a@example.com", to: "b@example.org" },
  { from: "", to: ["b@example.org", "c@example.org", "postmaster"] },
  { from: "ü@example.com", to: ["ä@münchen.example", "b@example.org"] },
  {
    from: "a@example.com",
    to: [{ address: "b@example.org", notify: ["FAILURE" as const] }, "c@example.org", "d@example.org", "e@example.org"],
    envelopeId: "QQ314159",
    ret: "HDRS" as const,
    holdFor: 60
  }
].map((input) => Result.getOrThrow(Envelope.make(input)))

// A server that says what the input says, and then is gone.
class Hostile {
  readonly heard: Array<string> = []
  readonly given: Array<readonly [stage: string, reply: Reply.Reply]> = []
  lost = false
  readonly #replies: Array<Reply.Reply>
  readonly #wild: boolean
  readonly #random: Random

  constructor(input: string, random: Random) {
    this.#random = random
    this.#wild = random.once(3)
    this.#replies = [...read([octetsOf(input)], {}).replies]
  }

  answer(step: Dialogue.Step): Dialogue.Answer {
    if (step._tag === "Compute") return { replies: [], lost: undefined, octets: new Uint8Array(32) }
    if (step._tag === "Upgrade") return this.#random.once(4) ? this.#gone([]) : { replies: [], lost: undefined }
    for (const item of step.items) if (item._tag === "Line") this.#hear(item)
    const answered: Array<Reply.Reply> = []
    for (const stage of step.awaits) {
      const reply = this.#next(stage)
      if (reply === undefined) return this.#gone(answered)
      this.given.push([stage, reply])
      answered.push(reply)
      if (reply.code === 421) return this.#gone(answered, answered.length === step.awaits.length)
    }
    return { replies: answered, lost: undefined }
  }

  get saidGoodbye(): boolean {
    return this.given.some(([, { code }]) => code === 421)
  }

  #hear({ shown, wire }: Dialogue.Line): void {
    const line = Redacted.isRedacted(wire) ? Redacted.value(wire) : wire
    ensure(/^[^\r\n\0]*\r\n$/.test(line), "a command is one line", line)
    ensureShowable("the command in a log", shown, 1100)
    this.heard.push(line.slice(0, -2))
  }

  // What fits the stage, mostly, so that conversations get somewhere; else what the input says.
  #next(stage: string): Reply.Reply | undefined {
    const fitting = stage === "greeting" ? 220 : stage === "data" ? 354 : stage === "starttls" ? 220 : 250
    if (!this.#wild && !this.#random.once(6)) return Reply.make(fitting, "2.0.0 OK")
    return this.#replies.shift()
  }

  #gone(replies: ReadonlyArray<Reply.Reply>, all = false): Dialogue.Answer {
    if (all) return { replies, lost: undefined }
    this.lost = true
    return { replies, lost: { _tag: "Lost", stage: "command", kind: "closed", detail: "gone" } }
  }
}

const drive = <A>(dialogue: Dialogue.Dialogue<A>, server: Hostile, limit: number): A => {
  let steps = 0
  let step = dialogue.next()
  while (step.done !== true) {
    ensure(++steps <= limit, "a conversation ends", limit)
    step = dialogue.next(server.answer(step.value))
  }
  return step.value
}

const explained = (problem: Failure.Problem): void => {
  const failure = Failure.fromProblem(problem)
  ensureShowable("a failure", failure.message, 70_000)
  ensure(["TempFailure", "PermFailure", "Unreachable"].includes(failure._tag), "a failure has one of three names")
}

const capabilities = (random: Random) =>
  Capabilities.make({ domain: "mx.example.com", keywords: random.some(keywords) })

const submitLaws = (input: string, random: Random): boolean => {
  const server = new Hostile(input, random)
  const envelope = random.pick(envelopes)
  const protocol = random.once(4) ? "lmtp" : "smtp"
  const facts = {
    size: random.pick([undefined, 0, 100, 5000]),
    encoding: random.pick(["7bit", "8bit", "binary"] as const),
    utf8: random.once(8)
  }
  const options = {
    protocol,
    onMissing: random.pick(["refuse", "omit"] as const),
    maxRecipients: random.pick([1, 2, 100]),
    maxChunk: random.pick([0, 1000])
  } as const
  const dialogue = ClientDialogue.submit(envelope, facts, capabilities(random), options)
  const { usable, verdicts } = drive(dialogue, server, 12 * envelope.recipients.length + 4)
  ensureSame("each recipient has a verdict", verdicts.length, envelope.recipients.length)
  if (server.lost || server.saidGoodbye) ensure(!usable, "a connection that is gone is not used again")
  const last = server.given.filter(([stage]) => stage === "data-end").map(([, reply]) => reply)
  const accepted = new Set<Reply.Reply>()
  for (const verdict of verdicts) {
    if (verdict._tag !== "Accepted") explained(verdict)
    else {
      const { reply } = verdict
      ensure(last.includes(reply), "only the reply to the message accepts it", reply)
      ensure(reply.code >= 200 && reply.code < 300, "what accepts is a 2yz", reply)
      ensure(protocol === "smtp" || !accepted.has(reply), "in LMTP each recipient has its own reply", reply)
      accepted.add(reply)
    }
  }
  const rcpts = server.heard.filter((line) => line.startsWith("RCPT TO:")).length
  const refusedRcpts = server.given.filter(([stage, { code }]) => stage === "rcpt" && code >= 400).length
  const okay = verdicts.filter((verdict) => verdict._tag === "Accepted").length
  ensure(okay + refusedRcpts <= rcpts, "nobody is accepted who was refused", okay, refusedRcpts, rcpts)
  return okay > 0
}

// Two messages on one connection, the second one's envelope behind the end of the first where it can ride (PIPE-006).
const trainLaws = (input: string, random: Random): boolean => {
  const server = new Hostile(input, random)
  const [first, second] = [random.pick(envelopes), random.pick(envelopes)]
  const offered = Capabilities.make({
    domain: "mx.example.com",
    keywords: [...random.some(keywords), "PIPELINING", "8BITMIME", "SMTPUTF8", "FUTURERELEASE", "DSN"]
  })
  const facts = { size: 100, encoding: "7bit", utf8: false } as const
  const options = { protocol: "smtp", onMissing: "omit", maxRecipients: random.pick([1, 2, 100]), maxChunk: 0 } as const
  const next = (transactions: number) =>
    ClientDialogue.ride(second, facts, offered, { ...options, spent: { transactions, domains: new Set() } })
  const limit = 24 * (first.recipients.length + second.recipients.length) + 8
  const one = drive(ClientDialogue.submit(first, facts, offered, options, { next }), server, limit)
  ensure(one.rider === undefined || one.usable, "who rides has a connection to go on with")
  const spent = { transactions: one.transactions, domains: new Set<string>() }
  const other = one.usable
    ? drive(ClientDialogue.submit(second, facts, offered, { ...options, spent }, { sent: one.rider }), server, limit)
    : undefined
  const ends = server.given.filter(([stage]) => stage === "data-end").map(([, reply]) => reply)
  const places = (submission: ClientDialogue.Submission | undefined): ReadonlyArray<number> =>
    (submission?.verdicts ?? []).flatMap((verdict) =>
      verdict._tag === "Accepted" ? [ends.indexOf(verdict.reply)] : []
    )
  const [ours, theirs] = [places(one), places(other)]
  ensure(![...ours, ...theirs].includes(-1), "only the reply to a message accepts it", ours, theirs)
  ensure(Math.max(-1, ...ours) < Math.min(Infinity, ...theirs), "a reply accepts one message", ours, theirs)
  ensureSame("each recipient has a verdict", one.verdicts.length, first.recipients.length)
  if (other !== undefined) ensureSame("of the second, too", other.verdicts.length, second.recipients.length)
  for (const verdict of [...one.verdicts, ...(other?.verdicts ?? [])])
    if (verdict._tag !== "Accepted") explained(verdict)
  if (server.lost || server.saidGoodbye) ensure(!(other ?? one).usable, "what is gone is not used again")
  return theirs.length > 0
}

const introduction = { name: "client.example.com", protocol: "smtp", helo: true } as const

const proxied = Capabilities.make({
  domain: "mx.example.com",
  keywords: ["XCLIENT NAME ADDR HELO", "XFORWARD NAME IDENT", "PIPELINING"]
})

const token = new Sasl.Token({ username: "user@example.com", token: Redacted.make("s3cr3t-t0ken") })

const sessionLaws = (input: string, random: Random): boolean => {
  const server = new Hostile(input, random)
  const greeted = drive(ClientDialogue.greet({ ...introduction, helo: random.once(2) }), server, 5)
  if (Result.isFailure(greeted)) {
    explained(greeted.failure)
    return false
  }
  const dialogues = [
    () => ClientDialogue.secure(introduction),
    ClientDialogue.reset,
    ClientDialogue.noop,
    () => ClientDialogue.verify("user"),
    () => ClientDialogue.expand("list"),
    () => ClientDialogue.help(),
    () => ClientDialogue.etrn(greeted.success, "example.com"),
    () => ClientDialogue.xclient(proxied, { ADDR: "192.0.2.1", NAME: "x".repeat(250), HELO: "y+z" }, introduction),
    () => ClientDialogue.xforward(proxied, { NAME: "x".repeat(250), IDENT: "y".repeat(250) }),
    () => ClientDialogue.xforward(greeted.success, { SOURCE: "LOCAL" }),
    () => ClientDialogue.authenticate(token, { offered: greeted.success.authMechanisms, encrypted: random.once(2) }),
    ClientDialogue.quit
  ]
  for (const dialogue of dialogues) {
    const result = drive<Result.Result<unknown, Failure.Problem>>(dialogue(), server, 5)
    if (Result.isFailure(result)) explained(result.failure)
  }
  return true
}

type Question = ServerDialogue.Question

const positive = (code: number): boolean => code >= 200 && code < 300

// An application that answers anything, and remembers what it agreed to.
class Application {
  #accepted: Array<unknown> | undefined
  readonly #options: ServerDialogue.ServerOptions
  readonly #random: Random

  constructor(options: ServerDialogue.ServerOptions, random: Random) {
    this.#options = options
    this.#random = random
  }

  /** The transaction is over. */
  forget(): void {
    this.#accepted = undefined
  }

  answer(question: Question): ReadonlyArray<Reply.Reply> {
    switch (question._tag) {
      case "Hello":
        return [this.#verdict((code) => (code === 250 ? this.forget() : undefined))]
      case "Mail":
        return [this.#verdict((code) => (this.#accepted = positive(code) ? [] : this.#accepted))]
      case "Rcpt":
        this.#ensureOpen(question.transaction)
        ensure(question.transaction.recipients.length < this.#options.maxRecipients, "recipients are bounded")
        return [this.#verdict((code) => (positive(code) ? this.#accepted?.push(question.forwardPath) : 0))]
      case "Data":
        this.#ensureOpen(question.transaction)
        return [this.#random.once(6) ? this.#verdict(() => {}) : Reply.make(354, "go on")]
      case "Message":
        this.#ensureOpen(question.transaction)
        ensure(question.content.length <= this.#options.maxSize, "a message is not too large")
        this.forget()
        return Array.from({ length: this.#random.below(4) }, () => this.#verdict(() => {}))
      case "Proxy":
        ensure(this.#accepted === undefined, "nobody speaks for another client within a transaction")
        return [this.#verdict(() => {}, question.verb === "XCLIENT" ? 220 : 250)]
      default:
        return [this.#verdict(() => {}, question._tag === "Connect" ? 220 : 250)]
    }
  }

  #ensureOpen({ recipients }: ServerDialogue.Transaction): void {
    const named = recipients.map(({ forwardPath }) => forwardPath)
    ensureSame("a transaction has the recipients that were accepted", named, this.#accepted)
  }

  #verdict(then: (code: number) => unknown, good = 250): Reply.Reply {
    const code = this.#random.once(12) ? this.#random.pick([251, 450, 451, 550, 554, 421]) : good
    then(code)
    return Reply.make(code, "as you like")
  }
}

const serverOptions: ReadonlyArray<ServerDialogue.ServerOptions> = [
  ServerDialogue.standard,
  { ...ServerDialogue.standard, protocol: "lmtp", maxRecipients: 2, maxSize: 20, keywords: ["XCLIENT NAME"] },
  { ...ServerDialogue.standard, accounts, authRequired: true, allowSecretsInClearText: true, binaryMime: true },
  { ...ServerDialogue.standard, chunking: false, startTls: false, dsn: false, smtpUtf8: false, eightBitMime: false },
  { ...ServerDialogue.standard, enhancedStatusCodes: false, tlsRequired: true, withheld: ["VRFY", "EXPN", "HELP"] },
  {
    ...ServerDialogue.standard,
    limits: true,
    maxMails: 3,
    keywords: [
      "ETRN",
      "REQUIRETLS",
      "DELIVERBY 60",
      "FUTURERELEASE 604800 2030-01-01T00:00:00Z",
      "MT-PRIORITY MIXER",
      "CHECKPOINT",
      "XVERP",
      "XCLIENT NAME ADDR LOGIN",
      "XFORWARD NAME ADDR SOURCE"
    ]
  }
]

const conversations = [
  "EHLO a.example\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\nQUIT",
  "EHLO a.example\nMAIL FROM:<>\nRCPT TO:<c@d.example>\nBDAT 5\nBDAT 5 LAST\nMAIL FROM:<a@b.example>\nRSET\nQUIT",
  "LHLO a.example\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nRCPT TO:<e@d.example>\nRCPT TO:<f@d.example>\nDATA",
  "EHLO a.example\nSTARTTLS\nMAIL FROM:<a@b.example>\nEHLO a.example\nMAIL FROM:<a@b.example>",
  "HELO a\nMAIL FROM:<a@b.example>\nMAIL FROM:<a@b.example>\nRCPT TO:<Postmaster>\nBDAT 0\nDATA\nBDAT 3 LAST",
  "EHLO a.example\nAUTH PLAIN AHVzZXIAcGVuY2lsLXMzY3IzdA==\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA",
  "EHLO a.example\nAUTH LOGIN\ndXNlcg==\ncGVuY2lsLXMzY3IzdA==\nMAIL FROM:<> BODY=BINARYMIME\nRCPT TO:<c@d.example>\nBDAT 3 LAST",
  "EHLO a\nVRFY x\nHELP\nNOOP\nETRN x.example\nAUTH PLAIN\nQUIT",
  "EHLO a\nXCLIENT NAME=x ADDR=192.0.2.1\nEHLO b\nXFORWARD SOURCE=LOCAL NAME=a+2Bb\nMAIL FROM:<> BY=60;R HOLDFOR=60\nRSET",
  "EHLO a\nEXPN \u00fc SMTPUTF8\nMAIL FROM:<a@b.example> MT-PRIORITY=1 XVERP=+= TRANSID=<a@b>\nRCPT TO:<c@d.example>\nDATA"
]

type Receive = Extract<ServerDialogue.ServerStep, { readonly _tag: "Receive" }>

const received = ({ framing, limit }: Receive, random: Random): ServerDialogue.ServerAnswer["content"] => {
  const size = framing === "dots" ? random.below(30) : framing
  if (size > limit) return "too-large"
  return random.once(8) ? random.pick(["too-large", "bare-line-end", undefined]) : new Uint8Array(Math.min(size, 100))
}

const converse = (input: string, options: ServerDialogue.ServerOptions, random: Random): boolean => {
  const application = new Application(options, random)
  const lines = input.split("\n").values()
  const dialogue = ServerDialogue.serve(options, random.once(4))
  let told = 0
  let heard = 0
  let delivered = false
  let step = dialogue.next({})
  while (step.done !== true) {
    const asked = step.value
    let answer: ServerDialogue.ServerAnswer = {}
    switch (asked._tag) {
      case "Say":
        told++
        ensure(Result.isSuccess(Reply.format(asked.reply)), "a reply can be sent", asked.reply)
        if (asked.reply.lines[0] === "2.0.0 Reset") application.forget()
        break
      case "Listen":
        heard++
        answer = random.once(200) ? { unreadable: "too long" } : { line: lines.next().value }
        break
      case "Receive":
        ensure(asked.framing === "dots" || asked.framing >= 0, "so many octets are to come", asked.framing)
        answer = { content: received(asked, random) }
        break
      case "Consult":
        delivered ||= asked.question._tag === "Message"
        answer = { replies: application.answer(asked.question) }
        break
      case "Upgrade":
        application.forget()
        answer = { upgraded: !random.once(5) }
        break
      case "Compute":
        answer = { octets: compute(Redacted.value(asked.request)) }
    }
    step = dialogue.next(answer)
  }
  ensure(told <= heard * (options.maxRecipients + 1) + 1, "replies answer commands", told, heard)
  return delivered
}

const serverLaws = (input: string, random: Random): boolean =>
  converse(input.split("\n").slice(0, 200).join("\n"), random.pick(serverOptions), random)

// Who never has a bad day.
class Even extends Random {
  override once(): boolean {
    return false
  }
}

const served = (input: string): boolean => converse(input, ServerDialogue.standard, new Even(1, "", 0))

const opened = "EHLO a\nMAIL FROM:<>\nRCPT TO:<a@b>\n"

const commandTokens = [
  ...commands,
  "\n",
  "\nMAIL FROM:<a@b.example>\n",
  "\nRCPT TO:<c@d.example>\n",
  "\nDATA\n",
  "\nBDAT 1 LAST\n",
  "\nRSET\n",
  "\nSTARTTLS\n",
  "\nEHLO x\n",
  "\nLHLO x\n",
  "\0",
  "ü"
]

const spoken = {
  reads: "octets",
  seeds: [
    ...replies,
    "250 ok\r\n452 4.5.3 too many\r\n250 ok\r\n354 go\r\n250 ok\r\n",
    "421 4.3.2 bye\r\n",
    "554 no\r\n250 ok\r\n503 no\r\n354 what\r\n"
  ],
  tokens: [
    ...replyTokens,
    "250 ok\r\n",
    "354 go\r\n",
    "421 bye\r\n",
    "452 4.5.3 too many\r\n",
    "550 5.1.1 no\r\n",
    "552 full\r\n",
    "503 no\r\n",
    "220 tls\r\n"
  ]
} as const

export const targets: ReadonlyArray<Target> = [
  { name: "ClientDialogue.submit", ...spoken, check: submitLaws },
  { name: "ClientDialogue train", ...spoken, check: trainLaws },
  { name: "ClientDialogue session", ...spoken, check: sessionLaws },
  {
    name: "ServerDialogue.serve",
    reads: "text",
    seeds: conversations,
    tokens: commandTokens,
    check: serverLaws,
    grow: {
      conversation: served,
      "empty chunks": (input) => served(opened + "BDAT 0\n".repeat(input.length >> 3))
    }
  }
]
