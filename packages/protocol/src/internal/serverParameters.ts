/**
 * The parameters of MAIL and RCPT as a server judges them: a parameter is understood when its extension is offered (RFC 5321
 * section 4.1.1.11), and its value has to be one that the extension knows.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { ParameterMap } from "../CommandParser.ts"
import * as Reply from "../Reply.ts"
import * as Xtext from "../Xtext.ts"
import { announced, type State } from "./serverState.ts"
import { upperCase } from "./text.ts"

interface Rule {
  /** Whether the extension is offered. */
  readonly offered: (state: State, value: string) => boolean
  readonly value: RegExp
  /** The reply to a value that can be read and is too much. */
  readonly refused?: (value: string, words: ReadonlyArray<string>) => Reply.Reply | undefined
}

const by = (extension: string) => (state: State) => announced(state, extension) !== undefined

// BODY=BINARYMIME comes with an extension of its own.
const body = ({ options: { binaryMime = false, chunking, eightBitMime } }: State, value: string): boolean =>
  upperCase(value) === "BINARYMIME" ? binaryMime && chunking : eightBitMime

const dsn = ({ options }: State): boolean => options.dsn

const auth = (state: State): boolean => state.options.accounts !== undefined || by("AUTH")(state)

const unreadable = (keyword: string): Reply.Reply => Reply.make(501, `5.5.4 The value of ${keyword} cannot be read`)

const xtext = (keyword: string) => (value: string) =>
  Result.isFailure(Xtext.decode(value)) ? unreadable(keyword) : undefined

// The type utf-8 has an encoding of its own (RFC 6533 section 3), and may come as xtext.
const originalRecipient = (value: string): Reply.Reply | undefined => {
  const semicolon = value.indexOf(";")
  const address = value.slice(semicolon + 1)
  const isUnitext = /^utf-8;/i.test(value) && Result.isSuccess(Xtext.decodeUnitext(address))
  return isUnitext ? undefined : xtext("ORCPT")(address)
}

const tooLong = Reply.make(554, "5.5.4 The message would be held for too long")

const holdFor = (value: string, [max]: ReadonlyArray<string>): Reply.Reply | undefined =>
  max !== undefined && Number(value) > Number(max) ? tooLong : undefined

// Both are UTC, so the order of their whole seconds is that of their characters.
const holdUntil = (value: string, [, max]: ReadonlyArray<string>): Reply.Reply | undefined =>
  max !== undefined && upperCase(value.slice(0, 19)) > upperCase(max.slice(0, 19)) ? tooLong : undefined

const deliverBy = (value: string, [min = "0"]: ReadonlyArray<string>): Reply.Reply | undefined => {
  const [seconds, mode = ""] = value.split(";")
  return upperCase(mode).startsWith("R") && Number(seconds) < Math.max(1, Number(min))
    ? Reply.make(501, "5.5.4 The time for the delivery is too short")
    : undefined
}

// A keyword without a value counts as an empty one.
const mailRules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["SIZE", { offered: ({ options }) => options.size !== false, value: /^\d{1,20}$/ }],
  ["BODY", { offered: body, value: /^(7BIT|8BITMIME|BINARYMIME)$/i }],
  ["SMTPUTF8", { offered: ({ options }) => options.smtpUtf8, value: /^$/ }],
  ["RET", { offered: dsn, value: /^(FULL|HDRS)$/i }],
  ["ENVID", { offered: dsn, value: /^.{1,100}$/, refused: xtext("ENVID") }],
  ["AUTH", { offered: auth, value: /./, refused: (value) => (value === "<>" ? undefined : xtext("AUTH")(value)) }],
  ["REQUIRETLS", { offered: by("REQUIRETLS"), value: /^$/ }],
  ["HOLDFOR", { offered: by("FUTURERELEASE"), value: /^\d{1,9}$/, refused: holdFor }],
  ["HOLDUNTIL", { offered: by("FUTURERELEASE"), value: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/i, refused: holdUntil }],
  ["BY", { offered: by("DELIVERBY"), value: /^-?\d{1,9};[NR]T?$/i, refused: deliverBy }],
  ["MT-PRIORITY", { offered: by("MT-PRIORITY"), value: /^-?\d$/ }],
  ["TRANSID", { offered: by("CHECKPOINT"), value: /^<.*>$/ }],
  ["XVERP", { offered: by("XVERP"), value: /^([-+=]{2})?$/ }]
])

const rcptRules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["NOTIFY", { offered: dsn, value: /^(NEVER|(SUCCESS|FAILURE|DELAY)(,(SUCCESS|FAILURE|DELAY)){0,2})$/i }],
  ["ORCPT", { offered: dsn, value: /^[A-Za-z0-9-]+;.{1,500}$/, refused: originalRecipient }]
])

const rulesFor = { mail: mailRules, rcpt: rcptRules } as const

// The extension that announces the parameter's limits.
const limitedBy: ReadonlyMap<string, string> = new Map([
  ["HOLDFOR", "FUTURERELEASE"],
  ["HOLDUNTIL", "FUTURERELEASE"],
  ["BY", "DELIVERBY"]
])

/** The reply that refuses the first parameter which does not fit; undefined when all do. */
export const wrongParameter = (
  state: State,
  command: "mail" | "rcpt",
  parameters: ParameterMap
): Reply.Reply | undefined => {
  // RFC 4865 section 4.
  if (parameters.has("HOLDFOR") && parameters.has("HOLDUNTIL")) return bothHolds
  for (const [keyword, value = ""] of parameters) {
    const rule = rulesFor[command].get(keyword)
    const offered = state.hello !== "HELO" && (rule?.offered(state, value) ?? by(keyword)(state))
    if (!offered) return Reply.make(555, `5.5.4 ${keyword} is not offered`)
    if (rule?.value.test(value) === false) return unreadable(keyword)
    const refused = rule?.refused?.(value, announced(state, limitedBy.get(keyword) ?? keyword) ?? [])
    if (refused !== undefined) return refused
  }
  return undefined
}

const bothHolds = Reply.make(501, "5.5.4 HOLDFOR and HOLDUNTIL exclude each other")
