/** What nodemailer's errors mean. */
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Reply from "@effect-mail/protocol/Reply"
import type { Stage } from "@effect-mail/protocol/Stage"

interface Told {
  readonly code: string
  readonly command: string
  readonly message: string
  readonly response: string
  readonly responseCode: number | undefined
  readonly syscall: string
  readonly timeoutType: string
}

const text = (u: object, name: string): string => {
  // Any object can be asked for any property; what is there is looked at before it is used.
  const value = (u as Record<string, unknown>)[name]
  return typeof value === "string" ? value : ""
}

const read = (error: unknown): Told => {
  const about = typeof error === "object" && error !== null ? error : {}
  const responseCode =
    "responseCode" in about && typeof about.responseCode === "number" ? about.responseCode : undefined
  return {
    code: text(about, "code"),
    command: text(about, "command"),
    message:
      text(about, "message") || (typeof error === "string" ? error : "the transporter failed without saying why"),
    response: text(about, "response"),
    responseCode,
    syscall: text(about, "syscall"),
    timeoutType: text(about, "timeoutType")
  }
}

const stageOf = ({ code, command }: Told): Stage => {
  const [verb = ""] = command.toUpperCase().split(" ")
  switch (verb) {
    case "EHLO":
    case "HELO":
    case "LHLO":
      return "ehlo"
    case "STARTTLS":
      return "starttls"
    case "AUTH":
      return "auth"
    case "MAIL":
      return "mail"
    case "RCPT":
      return "rcpt"
    case "DATA":
      return code === "EENVELOPE" ? "data" : "data-end"
    // A reply that ended the connection: about this server, whenever it came.
    default:
      return "greeting"
  }
}

// The lines of a reply without their codes.
const linesOf = ({ message, response }: Told): ReadonlyArray<string> =>
  response === "" ? [message] : response.split(/\r?\n/).map((line) => line.replace(/^\d{3}(?:[ -]|$)/, ""))

/** The failure that an error means. */
export const failure = (error: unknown): Failure.Failure => {
  if (Failure.isFailure(error)) return error
  const told = read(error)
  const { responseCode: code } = told
  if (code !== undefined && code >= 400 && code <= 599) {
    const reply = Reply.fromLines(code, linesOf(told))
    return Failure.fromProblem({ _tag: "Refused", stage: stageOf(told), reply, command: told.command || undefined })
  }
  return Failure.fromProblem(problem(told))
}

// Only what proves that the message did not go out is a certain failure; whatever else ended it may have come after it.
const problem = (told: Told): Failure.Problem => {
  const detail = told.message
  const lost = (stage: Stage, kind: Failure.Lost["kind"]): Failure.Lost => ({ _tag: "Lost", stage, kind, detail })
  switch (told.code) {
    case "EAUTH":
    case "ENOAUTH":
    case "EOAUTH2":
      return { _tag: "Unmet", stage: "auth", requirement: "auth", detail }
    case "ETLS":
      return lost("tls", "tls")
    case "EREQUIRETLS":
      return { _tag: "Unmet", stage: "mail", requirement: "extension", detail }
    case "EDNS":
      return lost("connect", "refused")
    case "EENVELOPE":
      return { _tag: "Invalid", stage: "mail", detail }
    case "ECONFIG":
    case "EPROXY":
    case "EMAXLIMIT":
    case "EMAXRECIPIENTS":
    case "EFILEACCESS":
    case "EURLACCESS":
      return lost("connect", "local")
  }
  if (told.code === "EMESSAGE" && told.command === "MAIL FROM") {
    return { _tag: "Unmet", stage: "mail", requirement: "size", detail }
  }
  if (neverConnected(told)) return lost("connect", told.code === "ETIMEDOUT" ? "timeout" : "refused")
  const stage = stageOf(told)
  const before = stage !== "greeting" && stage !== "data-end" && told.command !== ""
  return lost(before ? stage : "data-end", told.code === "ETIMEDOUT" ? "timeout" : "closed")
}

const connecting = new Set(["CONNECT_TIMEOUT", "GREETING_TIMEOUT", "UPGRADE_TIMEOUT"])
const before = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EADDRNOTAVAIL"])

const neverConnected = ({ code, message, syscall, timeoutType }: Told): boolean =>
  connecting.has(timeoutType) ||
  before.has(code) ||
  syscall === "connect" ||
  syscall === "getaddrinfo" ||
  // What versions before 10 say of themselves.
  (code === "ETIMEDOUT" && (message === "Connection timeout" || message === "Greeting never received"))

/** A recipient that is only listed as rejected. */
export const rejected = Failure.perm({
  stage: "rcpt",
  scope: "recipient",
  next: "never",
  enhanced: "5.1.1",
  reason: "the transporter lists the recipient as rejected, and does not say why"
})

/** A recipient that is listed as pending. */
export const pending = Failure.temp({
  stage: "data-end",
  scope: "recipient",
  next: "later",
  enhanced: "4.4.7",
  reason: "the transporter lists the recipient as pending",
  uncertain: true
})

/** A recipient who was accepted, with the reply when there is one. */
export const delivered = (recipient: string, response: string): Receipt.Delivered => {
  const [, digits, words = ""] = /^(2\d{2})[ -](.*)/.exec(response) ?? []
  const reply = digits === undefined ? undefined : Reply.make(Number(digits), words)
  return new Receipt.Delivered({
    recipient,
    attempts: 1,
    code: reply?.code ?? 250,
    ...(reply?.enhanced === undefined ? {} : { enhanced: reply.enhanced }),
    text: Failure.printable(reply === undefined ? response : Reply.text(reply))
  })
}
