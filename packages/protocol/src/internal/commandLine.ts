/**
 * How commands are written (RFC 5321 section 4.1.1 and the extensions' documents). A writer trusts no type: it looks at
 * every character of every argument, reads each property once, and writes what it has parsed.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import type * as Command from "../Command.ts"
import * as Xtext from "../Xtext.ts"
import { parseDomain, parseName } from "./domain.ts"
import { Fault } from "./fault.ts"
import { parseMailbox } from "./mailbox.ts"
import { BASE64, isKind, isPrintable, LETDIG, nameAt, unsafeIndex, utf8Length, VALUE } from "./text.ts"

/** Why an argument of a command cannot be written. */
export class Refusal {
  readonly argument: string
  readonly position: number
  readonly reason: string
  constructor(argument: string, position: number, reason: string) {
    this.argument = argument
    this.position = position
    this.reason = reason
  }
}

const refused = (argument: string, fault: Fault): Refusal => new Refusal(argument, fault.position, fault.reason)

const verbs: Readonly<Record<Command.Command["_tag"], string>> = {
  Ehlo: "EHLO",
  Helo: "HELO",
  Lhlo: "LHLO",
  Mail: "MAIL",
  Send: "SEND",
  Soml: "SOML",
  Saml: "SAML",
  Rcpt: "RCPT",
  Data: "DATA",
  Bdat: "BDAT",
  Rset: "RSET",
  Quit: "QUIT",
  Noop: "NOOP",
  Help: "HELP",
  Vrfy: "VRFY",
  Expn: "EXPN",
  Etrn: "ETRN",
  StartTls: "STARTTLS",
  Turn: "TURN",
  Auth: "AUTH",
  AuthResponse: "AUTH",
  AuthCancel: "*",
  XClient: "XCLIENT",
  XForward: "XFORWARD"
}

/** The verb of the command, also of one that has a tag it should not have. */
export const verbOf = (command: Command.Command): string => verbs[command._tag] ?? "?"

/** Writes the line without CR LF. */
export const write = (command: Command.Command): string | Refusal => {
  switch (command._tag) {
    case "Mail":
    case "Send":
    case "Soml":
    case "Saml":
      return writePath(`${verbs[command._tag]} FROM`, command.from, "", command.parameters)
    case "Rcpt":
      return writePath("RCPT TO", command.to, "postmaster", command.parameters)
    case "Data":
    case "Rset":
    case "Quit":
    case "StartTls":
    case "Turn":
    case "AuthCancel":
      return verbs[command._tag]
    case "Bdat":
      return writeBdat(command)
    case "Ehlo":
    case "Helo":
    case "Lhlo":
      return writeGreeting(verbs[command._tag], command.name)
    case "Noop":
    case "Help":
      return writeRemark(verbs[command._tag], command.text)
    case "Vrfy":
    case "Expn":
      return writeQuery(verbs[command._tag], command)
    case "Etrn":
      return writeEtrn(command.node)
    case "Auth":
      return writeAuth(command)
    case "AuthResponse":
      return base64("response", command.data)
    case "XClient":
    case "XForward":
      return writeAttributes(verbs[command._tag], command.attributes)
    default:
      return new Refusal("command", 0, "there is no such command")
  }
}

const parsed = (argument: string, text: string, parser: (text: string) => string | Fault): string | Refusal => {
  if (typeof text !== "string") return new Refusal(argument, 0, "must be a string")
  const result = parser(text)
  return result instanceof Fault ? refused(argument, result) : result
}

const mailbox = (path: string): string | Fault => parseMailbox(path, 0, path.length)

const writePath = (
  start: string,
  path: string,
  special: string,
  parameters: ReadonlyArray<Command.Parameter>
): string | Refusal => {
  const text = path === special ? special : parsed("path", path, mailbox)
  if (text instanceof Refusal) return text
  const line = `${start}:<${text}>`
  return parameters.length === 0 ? line : writeParameters(line, parameters)
}

const writeParameters = (start: string, parameters: ReadonlyArray<Command.Parameter>): string | Refusal => {
  let line = start
  const seen: Array<string> = []
  for (const { keyword, value } of parameters) {
    if (!isKeyword(keyword)) return new Refusal("parameters", 0, "a keyword has letters, digits and hyphens")
    const name = keyword.toUpperCase()
    const wrong = seen.includes(name) ? twice : valueFault(name, value)
    if (wrong !== undefined) return refused(`parameter ${name}`, wrong)
    seen.push(name)
    line += value === undefined ? ` ${keyword}` : ` ${keyword}=${value}`
  }
  return line
}

const twice = new Fault(0, "is given twice; give it once")

const HYPHEN = 0x2d

const isKeyword = (keyword: unknown): keyword is string => {
  if (typeof keyword !== "string" || !isKind(keyword, 0, LETDIG)) return false
  for (let i = 1; i < keyword.length; i++) {
    if (!isKind(keyword, i, LETDIG) && keyword.charCodeAt(i) !== HYPHEN) return false
  }
  return true
}

const valueFault = (keyword: string, value: string | undefined): Fault | undefined => {
  if (value === undefined) return undefined
  if (typeof value !== "string" || value === "") return new Fault(0, "a value is a string that is not empty")
  for (let i = 0; i < value.length; i++) {
    if (isKind(value, i, VALUE) || value.charCodeAt(i) > 0x7f) continue
    // Postfix has "=" as a VERP delimiter, against the grammar.
    if (value.charAt(i) === "=" && keyword === "XVERP") continue
    return new Fault(i, `${nameAt(value, i)} is not allowed in a value; encode it`)
  }
  return undefined
}

const writeBdat = ({ last, size }: Command.Bdat): string | Refusal => {
  if (!Number.isSafeInteger(size) || size < 0) return new Refusal("size", 0, "must be a number of octets")
  return last ? `BDAT ${size} LAST` : `BDAT ${size}`
}

const asciiDomain = (name: string): string | Fault => {
  const names = parseDomain(name, 0, name.length)
  return names instanceof Fault ? names : names.ascii
}

const writeGreeting = (verb: string, name: string): string | Refusal => {
  const domain = parsed("name", name, asciiDomain)
  return domain instanceof Refusal ? domain : `${verb} ${domain}`
}

const plainText = (text: string): string | Fault => {
  const unsafe = unsafeIndex(text)
  if (unsafe !== -1) return new Fault(unsafe, `${nameAt(text, unsafe)} is not allowed; remove it`)
  return text === "" || text.trim() !== text ? new Fault(0, "must be text without spaces around it") : text
}

const writeRemark = (verb: string, remark: string | undefined): string | Refusal => {
  const text = remark === undefined ? "" : parsed("text", remark, plainText)
  return typeof text !== "string" || text === "" ? text || verb : `${verb} ${text}`
}

const writeQuery = (verb: string, query: Command.Query): string | Refusal => {
  const text = parsed("text", query.text, plainText)
  if (text instanceof Refusal) return text
  return query.utf8 ? `${verb} ${text} SMTPUTF8` : `${verb} ${text}`
}

// "#queue", "@domain" with its subdomains, or a domain alone.
const etrnNode = (node: string): string | Fault => {
  if (node.startsWith("#"))
    return /^#[!-~]+$/.test(node) ? node : new Fault(1, "a queue's name is ASCII without spaces")
  const prefix = node.startsWith("@") ? "@" : ""
  const names = parseName(node, prefix.length, node.length)
  return names instanceof Fault ? names : `${prefix}${names.ascii}`
}

const writeEtrn = (argument: string): string | Refusal => {
  const node = parsed("node", argument, etrnNode)
  return node instanceof Refusal ? node : `ETRN ${node}`
}

const mechanismName = (name: string): string | Fault =>
  /^[\w-]{1,20}$/.test(name) ? name.toUpperCase() : new Fault(0, "has 1 to 20 letters, digits, hyphens and underscores")

const writeAuth = ({ initialResponse, mechanism }: Command.Auth): string | Refusal => {
  const name = parsed("mechanism", mechanism, mechanismName)
  if (name instanceof Refusal || initialResponse === undefined) return name instanceof Refusal ? name : `AUTH ${name}`
  const response = base64("initial response", initialResponse)
  return response instanceof Refusal ? response : `AUTH ${name} ${response || "="}`
}

const base64 = (argument: string, secret: Redacted.Redacted): string | Refusal => {
  const text: unknown = Redacted.isRedacted(secret) ? Redacted.value(secret) : undefined
  return typeof text === "string" && isBase64(text) ? text : new Refusal(argument, 0, "must be base64 with its padding")
}

const isBase64 = (text: string): boolean => {
  if (text.length % 4 !== 0) return false
  const end = text.endsWith("==") ? text.length - 2 : text.endsWith("=") ? text.length - 1 : text.length
  for (let i = 0; i < end; i++) if (!isKind(text, i, BASE64)) return false
  return true
}

const writeAttributes = (verb: string, attributes: Readonly<Record<string, string>>): string | Refusal => {
  let line = verb
  for (const [name, value] of Object.entries(attributes)) {
    if (!/^[A-Za-z]{1,20}$/.test(name)) return new Refusal("attributes", 0, "an attribute's name has letters only")
    const text = parsed(`attribute ${name.toUpperCase()}`, value, attributeValue)
    if (text instanceof Refusal) return text
    line += ` ${name.toUpperCase()}=${text}`
  }
  return line === verb ? new Refusal("attributes", 0, "there must be at least one; servers announce their names") : line
}

// XFORWARD allows 255 characters, which is more than any XCLIENT value needs.
const maxAttribute = 255

const attributeValue = (value: string): string | Fault => {
  if (value === "") return new Fault(0, "must not be empty; [UNAVAILABLE] stands for an unknown value")
  const text = plainText(value)
  const encoded = text instanceof Fault ? text : Xtext.encode(text)
  return typeof encoded === "string" && encoded.length > maxAttribute
    ? new Fault(0, "has more than 255 characters as xtext; shorten it")
    : encoded
}

/** What is wrong with the line as a whole: a character that slipped through, no SMTPUTF8, too many octets. */
export const check = (command: Command.Command, line: string): Refusal | undefined => {
  const plain = isPrintable(line)
  const wrong = plain ? undefined : unicodeRefusal(command, line)
  if (wrong !== undefined) return wrong
  const octets = (plain ? line.length : utf8Length(line)) + 2
  return octets > maxLine && octets > limit(command)
    ? new Refusal("line", line.length, `has ${octets} octets, ${limit(command)} are allowed; ${shorten(command)}`)
    : undefined
}

const unicodeRefusal = (command: Command.Command, line: string): Refusal | undefined => {
  const unsafe = unsafeIndex(line)
  if (unsafe !== -1) return new Refusal("line", unsafe, `${nameAt(line, unsafe)} is not allowed; remove it`)
  return mayBeUtf8(command)
    ? undefined
    : new Refusal("line", 0, "is not ASCII; use the A-labels of the domain, or ask for SMTPUTF8")
}

// RCPT may be UTF-8 once MAIL said so, which this value does not know.
const mayBeUtf8 = (command: Command.Command): boolean => {
  switch (command._tag) {
    case "Mail":
    case "Send":
    case "Soml":
    case "Saml":
      return command.parameters.some(({ keyword }) => keyword.toUpperCase() === "SMTPUTF8")
    case "Vrfy":
    case "Expn":
      return command.utf8
    default:
      return command._tag === "Rcpt"
  }
}

const maxLine = 512
const maxResponse = 12288

// What an extension adds to the limit of its command (SMTP-062); the others fit into what the longest path leaves.
const allowances = new Map([
  ["SIZE", 26],
  ["BODY", 17],
  ["SMTPUTF8", 10],
  ["AUTH", 500],
  ["ENVID", 107],
  ["REQUIRETLS", 11],
  ["BY", 17],
  ["HOLDFOR", 34],
  ["HOLDUNTIL", 34],
  ["MT-PRIORITY", 15],
  ["ORCPT", 500]
])

const limit = (command: Command.Command): number => {
  if (command._tag === "AuthResponse") return maxResponse
  if (!("parameters" in command)) return maxLine
  return command.parameters.reduce((sum, { keyword }) => sum + (allowances.get(keyword.toUpperCase()) ?? 0), maxLine)
}

const shorten = (command: Command.Command): string =>
  command._tag === "Auth" ? "send the response when the server asks for it" : "shorten its arguments"
