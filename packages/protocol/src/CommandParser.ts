/**
 * The commands of a client as a server reads them: one line in, one value out, or the reply that refuses it. Verbs and
 * keywords are compared without case (RFC 5321 section 2.4); addresses go through the strict parser.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Address from "./Address.ts"
import * as Reply from "./Reply.ts"

/**
 * The parameters of MAIL or RCPT by keyword in capitals; undefined for a keyword without a value.
 *
 * @category models
 * @since 0.1.0
 */
export type ParameterMap = ReadonlyMap<string, string | undefined>

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
  | { readonly _tag: "Ask"; readonly verb: "VRFY" | "EXPN" | "HELP" | "ETRN" | "NOOP"; readonly argument: string }
  | { readonly _tag: "Plain"; readonly verb: "DATA" | "RSET" | "QUIT" | "STARTTLS" }

type Parser = (argument: string, verb: string) => Result.Result<ClientCommand, Reply.Reply>

const refuse = (code: number, text: string): Result.Result<never, Reply.Reply> => Result.fail(Reply.make(code, text))

const hello: Parser = (argument, verb) => {
  if (argument === "") return refuse(501, `5.5.4 Syntax: ${verb} hostname`)
  return Result.succeed({ _tag: "Hello", verb: verb === "HELO" || verb === "LHLO" ? verb : "EHLO", name: argument })
}

// DATA, RSET, QUIT and STARTTLS take no argument (RFC 5321 section 4.3.2, RFC 3207 section 4).
const plain =
  (verb: "DATA" | "RSET" | "QUIT" | "STARTTLS"): Parser =>
  (argument) =>
    argument === "" ? Result.succeed({ _tag: "Plain", verb }) : refuse(501, `5.5.4 ${verb} takes no argument`)

const ask =
  (verb: "VRFY" | "EXPN" | "HELP" | "ETRN" | "NOOP"): Parser =>
  (argument) => {
    const needed = verb !== "HELP" && verb !== "NOOP"
    if (needed && argument === "") return refuse(501, `5.5.4 ${verb} needs an argument`)
    return Result.succeed({ _tag: "Ask", verb, argument })
  }

const bdat: Parser = (argument) => {
  const parts = argument.split(" ")
  const [size = "", last] = parts
  const wellFormed =
    /^\d{1,15}$/.test(size) && parts.length <= 2 && (last === undefined || last.toUpperCase() === "LAST")
  if (!wellFormed) return refuse(501, "5.5.4 Syntax: BDAT size [LAST]")
  return Result.succeed({ _tag: "Bdat", size: Number(size), last: last !== undefined })
}

const auth: Parser = (argument) => {
  const [mechanism = "", initial, ...rest] = argument.split(" ")
  if (!/^[A-Za-z0-9_-]{1,20}$/.test(mechanism) || rest.length > 0) {
    return refuse(501, "5.5.4 Syntax: AUTH mechanism [initial-response]")
  }
  return Result.succeed({ _tag: "Auth", mechanism: mechanism.toUpperCase(), initial })
}

// `<path>` and what follows it. A quoted local part may hold ">" and spaces, so quotes are walked over.
const splitPath = (text: string): { readonly path: string; readonly rest: string } | undefined => {
  if (text[0] !== "<") return undefined
  let quoted = false
  for (let index = 1; index < text.length; index++) {
    const char = text[index]
    if (quoted && char === "\\") index++
    else if (char === '"') quoted = !quoted
    else if (char === ">" && !quoted) return { path: text.slice(0, index + 1), rest: text.slice(index + 1) }
  }
  return undefined
}

const parseParameters = (text: string): ParameterMap | undefined => {
  const parameters = new Map<string, string | undefined>()
  if (text === "") return parameters
  if (text[0] !== " ") return undefined
  for (const parameter of text.slice(1).split(" ")) {
    if (parameter === "") continue
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\u0000-\u0020=\u007f]+))?$/.exec(parameter)
    const keyword = match?.[1]?.toUpperCase()
    if (keyword === undefined || parameters.has(keyword)) return undefined
    parameters.set(keyword, match?.[2])
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
    const syntax = `5.5.4 Syntax: ${verb} ${prefix}<address> [parameters]`
    if (argument.slice(0, prefix.length).toUpperCase() !== prefix) return refuse(501, syntax)
    const split = splitPath(argument.slice(prefix.length).trimStart())
    if (split === undefined) return refuse(501, syntax)
    const parameters = parseParameters(split.rest)
    return parameters === undefined
      ? refuse(501, "5.5.4 Unreadable or repeated parameter")
      : make(split.path, parameters)
  }

const mail = path("FROM:", (text, parameters) =>
  Result.match(Address.parsePath(text), {
    onSuccess: (reversePath) => Result.succeed({ _tag: "Mail", reversePath, parameters } as const),
    onFailure: () => refuse(553, "5.1.7 The sender's address is not valid")
  })
)

const rcpt = path("TO:", (text, parameters) => {
  if (text.toLowerCase() === "<postmaster>") {
    return Result.succeed({ _tag: "Rcpt", forwardPath: "postmaster", parameters })
  }
  const parsed = Address.parsePath(text)
  return Result.isFailure(parsed) || parsed.success === ""
    ? refuse(553, "5.1.3 The recipient's address is not valid")
    : Result.succeed({ _tag: "Rcpt", forwardPath: parsed.success, parameters })
})

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
  ["VRFY", ask("VRFY")],
  ["EXPN", ask("EXPN")],
  ["HELP", ask("HELP")],
  ["ETRN", ask("ETRN")],
  ["NOOP", ask("NOOP")]
])

const historic = new Set(["SEND", "SOML", "SAML", "TURN"])

/**
 * Reads one command line, without its line end; fails with the reply that refuses it: 500 for an unknown verb, 501 for
 * arguments that cannot be read, 502 for the verbs of RFC 821 that nobody should use, 553 for an invalid address.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (line: string): Result.Result<ClientCommand, Reply.Reply> => {
  const space = line.indexOf(" ")
  const verb = (space < 0 ? line : line.slice(0, space)).toUpperCase()
  const argument = space < 0 ? "" : line.slice(space + 1).trim()
  if (/[\u0000-\u001f\u007f]/.test(line)) return refuse(500, "5.5.2 Control characters are not allowed")
  const parser = parsers.get(verb)
  if (parser !== undefined) return parser(argument, verb)
  return historic.has(verb) ? refuse(502, "5.5.1 Not implemented") : refuse(500, "5.5.1 Command not recognized")
}
