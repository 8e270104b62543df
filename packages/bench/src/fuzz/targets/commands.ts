/** What a server reads, and what an operator writes down. */
import * as Command from "@effect-mail/protocol/Command"
import * as CommandParser from "@effect-mail/protocol/CommandParser"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Reply from "@effect-mail/protocol/Reply"
import * as ServerUrl from "@effect-mail/protocol/ServerUrl"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Target } from "../Target.ts"
import { ensure, ensureSame, ensureShowable } from "../Target.ts"

// V-029 to V-037, V-073.
export const commands: ReadonlyArray<string> = [
  "EHLO client.example.com",
  "HELO [192.0.2.1]",
  "LHLO x",
  "MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159",
  "MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com",
  "mail from: <a@b.example> HOLDFOR=3600 BY=120;R MT-PRIORITY=-9",
  'MAIL FROM:<"a > b"@example.com>',
  "RCPT TO:<dana@ivory.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;dana@ivory.example",
  "RCPT TO:<Postmaster>",
  "RCPT TO:<@a.example,@b.example:user@d.example>",
  "RCPT TO:<ü@münchen.example>",
  "DATA",
  "BDAT 86 LAST",
  "BDAT 0",
  "RSET",
  "QUIT",
  "STARTTLS",
  "AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=",
  "AUTH LOGIN",
  "AUTH EXTERNAL =",
  "VRFY user",
  "EXPN list",
  "HELP",
  "NOOP",
  "ETRN @example.com",
  "TURN",
  "XCLIENT NAME=spike.example ADDR=192.0.2.2",
  "XCLIENT LOGIN=a+2Bb ADDR=IPV6:2001:db8::1 PROTO=ESMTP",
  "XFORWARD NAME=[UNAVAILABLE] SOURCE=REMOTE IDENT=4F8Xy1",
  "VRFY \u00fc SMTPUTF8",
  "MA\u0131L FROM:<a@b.example> \u017fIZE=1"
]

const tokens = [
  "MAIL",
  "RCPT",
  "FROM:",
  "TO:",
  "<",
  ">",
  "<>",
  "<a@b.example>",
  '"',
  "\\",
  " ",
  "  ",
  "\t",
  "=",
  "SIZE=",
  "BODY=8BITMIME",
  "BDAT ",
  "LAST",
  "99999999999999999999",
  "-1",
  "1e3",
  "AUTH ",
  "PLAIN",
  "EHLO ",
  "x",
  "@",
  ",",
  ":",
  "\r\n",
  "\0",
  "\u0131",
  "\u017f",
  "ü",
  "\ud800",
  "\u00a0",
  "\u2028",
  "__proto__",
  "constructor"
]

type Parsed = CommandParser.ClientCommand

// The command that a client would have sent for this; undefined where the parser keeps less than there was.
const commandOf = (parsed: Parsed): Command.Command | undefined => {
  switch (parsed._tag) {
    case "Mail":
      return Command.mail(parsed.reversePath, parametersOf(parsed.parameters))
    case "Rcpt":
      return Command.rcpt(parsed.forwardPath, parametersOf(parsed.parameters))
    case "Bdat":
      return Command.bdat(parsed.size, parsed.last)
    default:
      return undefined
  }
}

const parametersOf = (parameters: CommandParser.ParameterMap) =>
  Array.from(parameters, ([keyword, value]) => ({ keyword, value }))

const comparable = (parsed: Parsed) =>
  "parameters" in parsed ? { ...parsed, parameters: [...parsed.parameters] } : parsed

const commandLaws = (input: string): boolean => {
  const result = CommandParser.parse(input)
  if (Result.isFailure(result)) {
    const reply = result.failure
    ensure(Result.isSuccess(Reply.format(reply)), "a refusal can be sent", reply)
    ensure(reply.code >= 500 && reply.lines.join("").length <= 200, "a refusal is short", reply)
    return false
  }
  const parsed = result.success
  ensure(/^[!-~]+(?: |$)/.test(input), "a verb is ASCII", input)
  ensure(
    !/[\u0000-\u001f\u007f]/.test(JSON.stringify(comparable(parsed))),
    "no control character comes through",
    parsed
  )
  if ("parameters" in parsed) {
    for (const keyword of parsed.parameters.keys()) ensure(/^[A-Z0-9-]+$/.test(keyword), "a keyword is one", keyword)
  }
  const command = commandOf(parsed)
  const line = command === undefined ? undefined : Result.getOrUndefined(Command.encode(command))
  if (line !== undefined) {
    const again = Result.getOrThrow(CommandParser.parse(line.slice(0, -2)))
    ensureSame("a command that is written reads the same", comparable(again), comparable(parsed))
  }
  return true
}

const oneLine = /^[^\r\n\0]*\r\n$/

// Whatever an application puts into a command: it becomes one line or nothing.
const encoders: ReadonlyArray<(text: string) => Command.Command> = [
  Command.ehlo,
  // A type that is bypassed is the point of these.
  (text) => Command.mail(text as ""),
  (text) => Command.rcpt(text as "postmaster"),
  (text) => Command.mail("", [{ keyword: "ENVID", value: text }]),
  (text) => Command.mail("", [{ keyword: text, value: "x" }, { keyword: "SMTPUTF8" }]),
  Command.noop,
  Command.help,
  (text) => Command.vrfy(text, true),
  Command.expn,
  Command.etrn,
  (text) => Command.auth(text, "AA=="),
  (text) => Command.auth("PLAIN", text),
  Command.authResponse,
  (text) => Command.xclient({ NAME: text }),
  (text) => Command.xforward({ [text]: "x" })
]

const encodeLaws = (input: string): boolean => {
  let accepted = 0
  for (const make of encoders) {
    const command = make(input)
    const line = Command.encode(command)
    const shown = Command.redacted(command)
    ensureShowable("the command in a log", shown, 13_000)
    if (Result.isFailure(line)) {
      ensureShowable("the error", line.failure.message)
      continue
    }
    accepted++
    ensure(oneLine.test(line.success) && line.success.isWellFormed(), "a command is one line", line.success)
    ensure(Buffer.byteLength(line.success) <= 12_288, "a line is bounded", line.success.length)
    ensureSame("AUTH hides its secret", command._tag === "AuthResponse" ? shown : "***", "***")
  }
  return accepted > 0
}

const envelopeLaws = (input: string): boolean => {
  const made = Envelope.make({
    from: input,
    to: [input, { address: "postmaster", originalRecipient: { type: "utf-8", address: input } }],
    envelopeId: input,
    auth: input
  })
  const lenient = Envelope.make({ from: "", to: input })
  for (const result of [made, lenient]) {
    if (Result.isFailure(result)) ensureShowable("the error", result.failure.message)
    else ensure(result.success.recipients.length >= 1, "an envelope has a recipient")
  }
  return Result.isSuccess(lenient)
}

// A password that no error may repeat.
const secret = "s3cr3t-pa55"
const urls = [
  `smtp://user:${secret}@mail.example.com:587`,
  `smtps://us%40er:${secret}%20@mail.example.com`,
  "lmtp://localhost:24",
  "smtp://[2001:db8::1]:25",
  "smtp://192.0.2.1",
  "smtp://münchen.example",
  `smtps://${secret}`,
  `http://user:${secret}@example.com/`,
  `smtp://user:${secret}@example.com/path?query#hash`,
  `smtp://user:${secret}@:99999`,
  `smtp://user:%zz${secret}@host`
]
const urlTokens = [
  "smtp:",
  "smtps:",
  "lmtp:",
  "//",
  "/",
  "@",
  ":",
  "?",
  "#",
  "%",
  "%40",
  "%00",
  "%ff",
  "[",
  "]",
  "::1",
  "0",
  "99999",
  "x",
  "ü",
  "\\"
]

const urlLaws = (input: string): boolean => {
  const result = ServerUrl.parse(input)
  if (Result.isFailure(result)) {
    const { message } = result.failure
    // A scheme that is not known is named; what stands before the first colon is no password.
    ensureShowable("the error", message, input.length + 1000)
    const scheme = input.slice(0, input.indexOf(":")).toLowerCase()
    ensure(scheme.includes(secret) || !message.includes(secret), "an error does not repeat the password", message)
    return false
  }
  const { endpoint, password, username } = result.success
  ensure(/^[\x21-\x7e]{1,255}$/.test(endpoint.host), "a host is printable ASCII", endpoint.host)
  ensure(endpoint.port >= 1 && endpoint.port <= 65_535, "a port is one", endpoint.port)
  ensure(username !== "" && (password === undefined || Redacted.value(password) !== ""), "nothing is empty", username)
  return true
}

export const targets: ReadonlyArray<Target> = [
  {
    name: "CommandParser.parse",
    reads: "text",
    seeds: commands,
    tokens,
    check: commandLaws,
    grow: { whole: CommandParser.parse }
  },
  {
    name: "Command.encode",
    reads: "text",
    seeds: [
      "a\r\nMAIL FROM:<x@y>",
      "a@b.com\r\nRCPT TO:<x@y>",
      "münchen.example",
      "#queue",
      "@example.com",
      "dGVzdA==",
      "QQ314159",
      "user@example.com"
    ],
    tokens,
    check: encodeLaws,
    grow: { whole: (input) => encoders.map((make) => Command.encode(make(input))) }
  },
  {
    name: "Envelope.make",
    reads: "text",
    seeds: ["user@example.com", "postmaster", "<>", "", "ü@example.com", "a@b.example"],
    tokens,
    check: envelopeLaws,
    grow: {
      whole: (input) =>
        Envelope.make({ from: "", to: { address: "postmaster", originalRecipient: { type: "utf-8", address: input } } })
    }
  },
  {
    name: "ServerUrl.parse",
    reads: "text",
    seeds: urls,
    tokens: urlTokens,
    check: urlLaws,
    grow: { whole: ServerUrl.parse }
  }
]
