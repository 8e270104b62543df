/**
 * What a server offers, from its reply to EHLO (RFC 5321 section 4.1.1.1): the first line names the server, each
 * further line is a keyword and its parameters. Keywords are compared without case; what is no keyword is left out.
 * What was learned before a TLS handshake or a SASL layer must be thrown away, and asked for again (RFC 3207 section
 * 4.2, EHLO-006).
 *
 * @since 0.1.0
 */
import { upperCase } from "./internal/text.ts"
import * as Reply from "./Reply.ts"

/**
 * The keywords that are known by name; a server may offer any other (EHLO-007, EHLO-008).
 *
 * @category models
 * @since 0.1.0
 */
export type Keyword =
  | "8BITMIME"
  | "ATRN"
  | "AUTH"
  | "BINARYMIME"
  | "BURL"
  | "CHECKPOINT"
  | "CHUNKING"
  | "CONNEG"
  | "CONPERM"
  | "DELIVERBY"
  | "DSN"
  | "ENHANCEDSTATUSCODES"
  | "ETRN"
  | "EXPN"
  | "FUTURERELEASE"
  | "HELP"
  | "LIMITS"
  | "MT-PRIORITY"
  | "MTRK"
  | "NO-SOLICITING"
  | "PIPELINING"
  | "REQUIRETLS"
  | "RRVS"
  | "SAML"
  | "SEND"
  | "SIZE"
  | "SMTPUTF8"
  | "SOML"
  | "STARTTLS"
  | "SUBMITTER"
  | "TURN"
  | "UTF8SMTP"
  | "VERB"
  | "VRFY"
  | "XCLIENT"
  | "XFORWARD"
  | "XVERP"

/**
 * A known keyword or any other; the known ones are what an editor suggests.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyKeyword = Keyword | (string & {})

/**
 * How much a server takes in one session (RFC 9422); what it does not say is undefined.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Transactions in one session. */
  readonly mailMax: number | undefined
  /** Recipients in one transaction. */
  readonly rcptMax: number | undefined
  /** Different recipient domains in one session. */
  readonly rcptDomainMax: number | undefined
}

/**
 * How long a server holds messages back on request (RFC 4865).
 *
 * @category models
 * @since 0.1.0
 */
export interface FutureRelease {
  /** The longest interval, in seconds. */
  readonly maxSeconds: number
  /** The latest time, in UTC as in `2030-01-01T00:00:00Z`. */
  readonly maxDateTime: string
}

// More than any server has, and few enough to be of no harm.
const maxKeywords = 128
const maxParameters = 128
const maxMissing = 128

const isBlank = (char: string): boolean => char === " " || char === "\t"

// Splits at blanks, with no more words than asked for.
const split = (line: string, limit: number): ReadonlyArray<string> => {
  const found: Array<string> = []
  let at = 0
  while (at < line.length && found.length < limit) {
    const start = at
    while (at < line.length && !isBlank(line.charAt(at))) at++
    if (at > start) found.push(line.slice(start, at))
    at++
  }
  return found
}

const isKeyword = (text: string): boolean => /^[A-Z0-9][A-Z0-9-]{0,63}$/.test(text)

type Offer = readonly [keyword: string, parameters: ReadonlyArray<string>]

// `AUTH=LOGIN PLAIN` is an old form of `AUTH LOGIN PLAIN` (EHLO-003).
const readLine = (line: string): Offer | undefined => {
  const [first = "", ...others] = split(line, maxParameters + 1)
  const equals = first.indexOf("=")
  const keyword = upperCase(equals === -1 ? first : first.slice(0, equals))
  const glued = equals === -1 ? [] : split(first.slice(equals + 1), 1)
  return isKeyword(keyword) ? [keyword, [...glued, ...others].slice(0, maxParameters)] : undefined
}

const readLines = (lines: ReadonlyArray<string>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const offers = new Map<string, ReadonlyArray<string>>()
  for (const line of lines) {
    const offer = readLine(line)
    if (offer === undefined) continue
    const [keyword, parameters] = offer
    const before = offers.get(keyword)
    if (before === undefined && offers.size >= maxKeywords) continue
    offers.set(keyword, keyword === "AUTH" && before !== undefined ? merged(before, parameters) : parameters)
  }
  return offers
}

const merged = (first: ReadonlyArray<string>, second: ReadonlyArray<string>): ReadonlyArray<string> =>
  unique([...first, ...second]).slice(0, maxParameters)

const unique = (values: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(values)]

const numberOf = (text: string | undefined, maxDigits: number): number | undefined =>
  text !== undefined && text.length <= maxDigits && /^\d+$/.test(text) ? Number(text) : undefined

const positive = (text: string | undefined, maxDigits: number): number | undefined => {
  const value = numberOf(text, maxDigits)
  return value === 0 ? undefined : value
}

const noLimits: Limits = { mailMax: undefined, rcptMax: undefined, rcptDomainMax: undefined }

// One malformed item spoils the list, one malformed number only itself (SMTP-245, V-028).
const readLimits = (parameters: ReadonlyArray<string>): Limits => {
  const items = parameters.map((item) => /^([A-Z0-9][A-Z0-9_-]{0,63})=([^=]*)$/i.exec(item))
  if (items.includes(null)) return noLimits
  const values = new Map(items.map((item) => [item?.[1]?.toUpperCase(), positive(item?.[2], 6)]))
  return {
    mailMax: values.get("MAILMAX"),
    rcptMax: values.get("RCPTMAX"),
    rcptDomainMax: values.get("RCPTDOMAINMAX")
  }
}

const readFutureRelease = (parameters: ReadonlyArray<string>): FutureRelease | undefined => {
  const [seconds, maxDateTime = ""] = parameters
  const maxSeconds = positive(seconds, 9)
  const isUtc = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/i.test(maxDateTime)
  return maxSeconds !== undefined && isUtc ? { maxSeconds, maxDateTime } : undefined
}

/**
 * What a server offers.
 *
 * @category models
 * @since 0.1.0
 */
export class Capabilities {
  /** The server's name for itself; empty when it gave none. */
  readonly domain: string
  /** What it said behind its name. */
  readonly greeting: string
  /**
   * The largest message in octets, counted with CR LF and before dot stuffing (RFC 1870). Undefined when the server
   * states no limit: no SIZE, SIZE alone, 0, or something that is no number (V-027).
   */
  readonly size: number | undefined
  /** SASL mechanisms in upper case, in the server's order, each once (EHLO-002, EHLO-003). */
  readonly authMechanisms: ReadonlyArray<string>
  /** What the server limits (SMTP-245). */
  readonly limits: Limits
  /** The smallest BY time in seconds that DELIVERBY accepts with mode R, when stated (RFC 2852). */
  readonly deliverByMinimum: number | undefined
  /** The limits of FUTURERELEASE; undefined when it is not offered or its parameters are malformed. */
  readonly futureRelease: FutureRelease | undefined
  readonly #offers: ReadonlyMap<string, ReadonlyArray<string>>
  // What has been asked for and is not offered, because every message asks again.
  readonly #missing = new Set<string>()

  constructor(domain: string, greeting: string, lines: ReadonlyArray<string>) {
    this.domain = domain
    this.greeting = greeting
    this.#offers = readLines(lines)
    this.size = positive(this.parameters("SIZE")[0], 20)
    this.authMechanisms = unique(this.parameters("AUTH").map(upperCase))
    this.limits = readLimits(this.parameters("LIMITS"))
    this.deliverByMinimum = numberOf(this.parameters("DELIVERBY")[0], 9)
    this.futureRelease = readFutureRelease(this.parameters("FUTURERELEASE"))
  }

  /** Whether a keyword is offered, compared without case. */
  supports(keyword: AnyKeyword): boolean {
    return this.#offers.has(keyword) || (!this.#missing.has(keyword) && this.#looksFor(keyword))
  }

  #looksFor(keyword: AnyKeyword): boolean {
    const found = this.#offers.has(upperCase(keyword))
    if (!found && this.#missing.size < maxMissing) this.#missing.add(keyword)
    return found
  }

  /** The parameters of a keyword as the server wrote them; none when it is not offered. */
  parameters(keyword: AnyKeyword): ReadonlyArray<string> {
    return this.#offers.get(upperCase(keyword)) ?? []
  }

  /** All keywords in upper case, in the server's order. */
  get keywords(): ReadonlyArray<string> {
    return [...this.#offers.keys()]
  }
}

/**
 * What a server is to offer: its name, what it says behind it, and a line for each keyword, such as `SIZE 35882577`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly domain: string
  readonly greeting?: string | undefined
  readonly keywords: ReadonlyArray<string>
}): Capabilities => new Capabilities(options.domain, options.greeting ?? "", options.keywords)

/**
 * Reads a positive reply to EHLO or LHLO. A reply of one line offers nothing (EHLO-005, V-026).
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromReply = (reply: Reply.Reply): Capabilities => {
  const [first = "", ...lines] = reply.lines
  const [domain = ""] = split(first, 1)
  return new Capabilities(domain, first.slice(first.indexOf(domain) + domain.length).trim(), lines)
}

/**
 * What a server offers that was greeted with HELO: nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none = (domain = ""): Capabilities => new Capabilities(domain, "", [])

/**
 * The reply to EHLO that offers this, as `fromReply` reads it.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toReply = (self: Capabilities): Reply.Reply =>
  Reply.make(
    250,
    `${self.domain} ${self.greeting}`.trim(),
    ...self.keywords.map((keyword) => [keyword, ...self.parameters(keyword)].join(" "))
  )
