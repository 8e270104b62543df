/**
 * The parameters of MAIL and RCPT as a server judges them: a parameter is understood when its extension is offered (RFC 5321
 * section 4.1.1.11), and its value has to be one that the extension knows.
 *
 * @since 0.1.0
 */
import type { ParameterMap } from "../CommandParser.ts"
import * as Reply from "../Reply.ts"
import type { ServerOptions } from "../ServerDialogue.ts"
import { announces, type State } from "./serverState.ts"
import { upperCase } from "./text.ts"

interface Rule {
  readonly offered: (options: ServerOptions, value: string) => boolean
  readonly value: RegExp
}

const announced =
  (extension: string) =>
  (options: ServerOptions): boolean =>
    announces(options, extension)

// BODY=BINARYMIME comes with an extension of its own.
const body = ({ binaryMime = false, chunking, eightBitMime }: ServerOptions, value: string): boolean =>
  upperCase(value) === "BINARYMIME" ? binaryMime && chunking : eightBitMime

const dsn = (options: ServerOptions): boolean => options.dsn

// A keyword without a value counts as an empty one.
const mailRules: ReadonlyMap<string, Rule> = new Map([
  ["SIZE", { offered: () => true, value: /^\d{1,20}$/ }],
  ["BODY", { offered: body, value: /^(7BIT|8BITMIME|BINARYMIME)$/i }],
  ["SMTPUTF8", { offered: (options) => options.smtpUtf8, value: /^$/ }],
  ["RET", { offered: dsn, value: /^(FULL|HDRS)$/i }],
  ["ENVID", { offered: dsn, value: /^.{1,100}$/ }],
  ["AUTH", { offered: (options) => options.accounts !== undefined || announces(options, "AUTH"), value: /./ }],
  ["REQUIRETLS", { offered: announced("REQUIRETLS"), value: /^$/ }],
  ["HOLDFOR", { offered: announced("FUTURERELEASE"), value: /^\d{1,9}$/ }],
  ["HOLDUNTIL", { offered: announced("FUTURERELEASE"), value: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/i }],
  ["BY", { offered: announced("DELIVERBY"), value: /^-?\d{1,9};[NR]T?$/i }],
  ["MT-PRIORITY", { offered: announced("MT-PRIORITY"), value: /^-?\d$/ }],
  ["TRANSID", { offered: announced("CHECKPOINT"), value: /^<.*>$/ }],
  ["XVERP", { offered: announced("XVERP"), value: /^([-+=]{2})?$/ }]
])

const rcptRules: ReadonlyMap<string, Rule> = new Map([
  ["NOTIFY", { offered: dsn, value: /^(NEVER|(SUCCESS|FAILURE|DELAY)(,(SUCCESS|FAILURE|DELAY)){0,2})$/i }],
  ["ORCPT", { offered: dsn, value: /^[A-Za-z0-9-]+;./ }]
])

const rulesFor = { mail: mailRules, rcpt: rcptRules } as const

/** The reply that refuses the first parameter which does not fit; undefined when all do. */
export const wrongParameter = (
  { hello, options }: State,
  command: "mail" | "rcpt",
  parameters: ParameterMap
): Reply.Reply | undefined => {
  for (const [keyword, value = ""] of parameters) {
    const rule = rulesFor[command].get(keyword)
    const offered = hello !== "HELO" && (rule?.offered(options, value) ?? announces(options, keyword))
    if (!offered) return Reply.make(555, `5.5.4 ${keyword} is not offered`)
    if (rule?.value.test(value) === false) return Reply.make(501, `5.5.4 The value of ${keyword} cannot be read`)
  }
  return undefined
}
