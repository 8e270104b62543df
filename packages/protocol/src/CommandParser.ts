/**
 * The commands of a client as a server reads them: one line in, one value out, or the reply that refuses it. Verbs and
 * keywords are compared without case (RFC 5321 section 2.4); addresses go through the strict parser. Whether a command may
 * come now, and whether its parameters are offered, is the session's business.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Address from "./Address.ts"
import { upperCase } from "./internal/text.ts"
import * as Reply from "./Reply.ts"
import * as Xtext from "./Xtext.ts"

/**
 * The parameters of MAIL or RCPT by keyword in capitals; undefined for a keyword without a value.
 *
 * @category models
 * @since 0.1.0
 */
export type ParameterMap = ReadonlyMap<string, string | undefined>

/**
 * What XCLIENT or XFORWARD says about a client, by name in capitals, decoded; `[UNAVAILABLE]` stands for an unknown value.
 *
 * @category models
 * @since 0.1.0
 */
export type AttributeMap = ReadonlyMap<string, string>

/**
 * What a client asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type ClientCommand =
  | { readonly _tag: "Hello"; readonly verb: "EHLO" | "HELO" | "LHLO"; readonly name: string }
  | { readonly _tag: "Mail"; readonly reversePath: Address.ReversePath; readonly parameters: ParameterMap }
  | { readonly _tag: "Rcpt"; readonly forwardPath: Address.ForwardPath; readonly parameters: ParameterMap }
  | { readonly _tag: "Bdat"; readonly size: number; readonly last: boolean }
  | { readonly _tag: "Auth"; readonly mechanism: string; readonly initial: string | undefined }
  | { readonly _tag: "Ask"; readonly verb: "HELP" | "ETRN" | "NOOP"; readonly argument: string }
  | {
      readonly _tag: "Query"
      readonly verb: "VRFY" | "EXPN"
      readonly argument: string
      /** Whether the reply may be in UTF-8 (RFC 6531 section 3.7.4.2). */
      readonly utf8: boolean
    }
  | { readonly _tag: "Proxy"; readonly verb: "XCLIENT" | "XFORWARD"; readonly attributes: AttributeMap }
  | { readonly _tag: "Plain"; readonly verb: "DATA" | "RSET" | "QUIT" | "STARTTLS" }

type Parser = (argument: string, verb: string) => Result.Result<ClientCommand, Reply.Reply>

const refuse = (code: number, text: string): Result.Result<never, Reply.Reply> => Result.fail(Reply.make(code, text))

// A name that no domain has is refused; whether it is a domain is not looked at, as many clients have none (SMTP-020).
const hello: Parser = (argument, verb) =>
  /^[!-~]{1,255}$/.test(argument)
    ? Result.succeed({ _tag: "Hello", verb: verb === "HELO" || verb === "LHLO" ? verb : "EHLO", name: argument })
    : refuse(501, `5.5.4 Syntax: ${verb} hostname`)

// DATA, RSET, QUIT and STARTTLS take no argument (RFC 5321 section 4.3.2, RFC 3207 section 4).
const plain =
  (verb: "DATA" | "RSET" | "QUIT" | "STARTTLS"): Parser =>
  (argument) =>
    argument === "" ? Result.succeed({ _tag: "Plain", verb }) : refuse(501, `5.5.4 ${verb} takes no argument`)

const ask =
  (verb: "HELP" | "NOOP"): Parser =>
  (argument) =>
    Result.succeed({ _tag: "Ask", verb, argument })

// A domain, one with its subdomains, or the name of a queue (RFC 1985 section 5).
const etrn: Parser = (argument) =>
  /^(#[!-~]{1,255}|@?[A-Za-z0-9.-]{1,255})$/.test(argument)
    ? Result.succeed({ _tag: "Ask", verb: "ETRN", argument })
    : refuse(501, "5.5.4 Syntax: ETRN domain, @domain or #queue")

const smtpUtf8 = " SMTPUTF8"

// Clients send a bare address, which is no String of the grammar and which everybody takes (SMTP-034).
const query =
  (verb: "VRFY" | "EXPN"): Parser =>
  (argument) => {
    const utf8 = upperCase(argument.slice(-smtpUtf8.length)) === smtpUtf8
    return argument === ""
      ? refuse(501, `5.5.4 ${verb} needs an argument`)
      : Result.succeed({
          _tag: "Query",
          verb,
          argument: utf8 ? argument.slice(0, -smtpUtf8.length).trimEnd() : argument,
          utf8
        })
  }

const bdat: Parser = (argument) => {
  const parts = /^(\d{1,15})( LAST)?$/i.exec(argument)
  return parts === null
    ? refuse(501, "5.5.4 Syntax: BDAT size [LAST]")
    : Result.succeed({ _tag: "Bdat", size: Number(parts[1]), last: parts[2] !== undefined })
}

const auth: Parser = (argument) => {
  const [mechanism = "", initial, ...rest] = argument.split(" ")
  if (!/^[A-Za-z0-9_-]{1,20}$/.test(mechanism) || rest.length > 0) {
    return refuse(501, "5.5.4 Syntax: AUTH mechanism [initial-response]")
  }
  return Result.succeed({ _tag: "Auth", mechanism: mechanism.toUpperCase(), initial })
}

// Postfix's XFORWARD has values of so many characters.
const maxAttribute = 255

// NAME=xtext, separated by spaces, no name twice (SMTP-260, SMTP-264).
const parseAttributes = (text: string): AttributeMap | undefined => {
  const attributes = new Map<string, string>()
  for (const attribute of text.split(" ")) {
    if (attribute === "") continue
    const equals = attribute.indexOf("=")
    const name = upperCase(attribute.slice(0, Math.max(equals, 0)))
    const value = attribute.slice(equals + 1)
    const decoded = value === "" || value.length > maxAttribute ? undefined : Result.getOrUndefined(Xtext.decode(value))
    if (!/^[A-Z]{1,20}$/.test(name) || decoded === undefined || attributes.has(name)) return undefined
    attributes.set(name, decoded)
  }
  return attributes.size === 0 ? undefined : attributes
}

const proxy =
  (verb: "XCLIENT" | "XFORWARD"): Parser =>
  (argument) => {
    const attributes = parseAttributes(argument)
    return attributes === undefined
      ? refuse(501, `5.5.4 Syntax: ${verb} NAME=value, each name once`)
      : Result.succeed({ _tag: "Proxy", verb, attributes })
  }

// Postfix has "=" as a VERP delimiter, against the grammar.
const isValue = (keyword: string, value: string): boolean =>
  value !== "" && (keyword === "XVERP" || !value.includes("="))

// Behind the path: a space before each, a keyword and perhaps a value, no keyword twice (RFC 5321 section 4.1.2).
const parseParameters = (text: string): ParameterMap | undefined => {
  const parameters = new Map<string, string | undefined>()
  if (text === "") return parameters
  if (!text.startsWith(" ")) return undefined
  for (const parameter of text.split(" ")) {
    if (parameter === "") continue
    const equals = parameter.indexOf("=")
    const keyword = upperCase(equals === -1 ? parameter : parameter.slice(0, equals))
    const value = equals === -1 ? undefined : parameter.slice(equals + 1)
    const wrong = !/^[A-Z0-9][A-Z0-9-]*$/.test(keyword) || (value !== undefined && !isValue(keyword, value))
    if (wrong || parameters.has(keyword)) return undefined
    parameters.set(keyword, value)
  }
  return parameters
}

// MAIL FROM:<path> and RCPT TO:<path>. A space after the colon is not in the grammar, but clients send it (SMTP-031).
const path =
  (
    prefix: string,
    make: (path: string, parameters: ParameterMap) => Result.Result<ClientCommand, Reply.Reply>
  ): Parser =>
  (argument, verb) => {
    const start = prefix.length + (argument.charAt(prefix.length) === " " ? 1 : 0)
    const end = Address.pathEnd(argument, start)
    if (upperCase(argument.slice(0, prefix.length)) !== prefix || end === -1) {
      return refuse(501, `5.5.4 Syntax: ${verb} ${prefix}<address> [parameters]`)
    }
    const parameters = parseParameters(argument.slice(end))
    return parameters === undefined
      ? refuse(501, "5.5.4 Unreadable or repeated parameter")
      : make(argument.slice(start, end), parameters)
  }

const mail = path("FROM:", (text, parameters) =>
  Result.match(Address.parsePath(text), {
    onSuccess: (reversePath) => Result.succeed({ _tag: "Mail", reversePath, parameters } as const),
    onFailure: () => refuse(553, "5.1.7 The sender's address is not valid")
  })
)

const rcpt = path("TO:", (text, parameters) =>
  Result.match(Address.parseForwardPath(text), {
    onSuccess: (forwardPath) => Result.succeed({ _tag: "Rcpt", forwardPath, parameters } as const),
    onFailure: () => refuse(553, "5.1.3 The recipient's address is not valid")
  })
)

const parsers: ReadonlyMap<string, Parser> = new Map([
  ["EHLO", hello],
  ["HELO", hello],
  ["LHLO", hello],
  ["MAIL", mail],
  ["RCPT", rcpt],
  ["DATA", plain("DATA")],
  ["BDAT", bdat],
  ["RSET", plain("RSET")],
  ["QUIT", plain("QUIT")],
  ["STARTTLS", plain("STARTTLS")],
  ["AUTH", auth],
  ["VRFY", query("VRFY")],
  ["EXPN", query("EXPN")],
  ["HELP", ask("HELP")],
  ["ETRN", etrn],
  ["NOOP", ask("NOOP")],
  ["XCLIENT", proxy("XCLIENT")],
  ["XFORWARD", proxy("XFORWARD")]
])

const historic = new Set(["SEND", "SOML", "SAML", "TURN"])

/**
 * The verb of a line in capitals: what stands before the first space.
 *
 * @category getters
 * @since 0.1.0
 */
export const verbOf = (line: string): string => {
  const end = line.indexOf(" ")
  return upperCase(end === -1 ? line : line.slice(0, end))
}

/**
 * Reads one command line, without its line end; fails with the reply that refuses it: 500 for an unknown verb, 501 for
 * arguments that cannot be read, 502 for the verbs of RFC 821 that nobody should use, 553 for an invalid address.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (line: string): Result.Result<ClientCommand, Reply.Reply> => {
  if (/[\u0000-\u001f\u007f]/.test(line)) return refuse(500, "5.5.2 Control characters are not allowed")
  const verb = verbOf(line)
  const parser = parsers.get(verb)
  if (parser !== undefined) return parser(line.slice(verb.length).trim(), verb)
  return historic.has(verb) ? refuse(502, "5.5.1 Not implemented") : refuse(500, "5.5.1 Command not recognized")
}
