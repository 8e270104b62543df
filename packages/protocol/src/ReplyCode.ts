/**
 * Reply codes as data (RFC 5321 section 4.2 and the extensions): what each means, which commands get it, and which
 * codes a command may get. A code that is not listed is understood by its digits (SMTP-083, SMTP-085).
 *
 * @since 0.1.0
 */

/**
 * What the first digit says: 2 done, 3 go on, 4 not now, 5 no.
 *
 * @category models
 * @since 0.1.0
 */
export type Severity = "positive" | "intermediate" | "transient" | "permanent"

/**
 * What the second digit says: 0 syntax, 1 information, 2 connections, 5 mail system; the others are not specified.
 *
 * @category models
 * @since 0.1.0
 */
export type Category = "syntax" | "information" | "connections" | "mail-system" | "unspecified"

/**
 * What a reply answers: the opened connection, a command, or the end of the message.
 *
 * @category models
 * @since 0.1.0
 */
export type Occasion =
  | "connect"
  | "EHLO"
  | "HELO"
  | "LHLO"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "data-end"
  | "BDAT"
  | "RSET"
  | "VRFY"
  | "EXPN"
  | "HELP"
  | "NOOP"
  | "QUIT"
  | "STARTTLS"
  | "AUTH"
  | "ETRN"
  | "ATRN"
  | "TURN"
  | "XCLIENT"
  | "XFORWARD"
  | "SEND"
  | "SOML"
  | "SAML"

/**
 * One known reply code.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReplyCode {
  readonly code: number
  readonly severity: Severity
  readonly meaning: string
  /** What it usually answers. */
  readonly occasions: ReadonlyArray<Occasion> | "any"
}

const severities: ReadonlyArray<Severity> = ["positive", "intermediate", "transient", "permanent"]

/**
 * What the first digit of a code says; undefined outside 200 to 599, which is no SMTP (SMTP-084).
 *
 * @category getters
 * @since 0.1.0
 */
export const severityOf = (code: number): Severity | undefined => severities[Math.trunc(code / 100) - 2]

const categories: ReadonlyArray<Category> = [
  "syntax",
  "information",
  "connections",
  "unspecified",
  "unspecified",
  "mail-system"
]

/**
 * What the second digit of a code says.
 *
 * @category getters
 * @since 0.1.0
 */
export const categoryOf = (code: number): Category => categories[Math.trunc(code / 10) % 10] ?? "unspecified"

const entry = (code: number, meaning: string, ...occasions: ReadonlyArray<Occasion>): ReplyCode => ({
  code,
  severity: severityOf(code) ?? "permanent",
  meaning,
  occasions: occasions.length === 0 ? "any" : occasions
})

/**
 * All known codes in ascending order (CODE-211 to CODE-556).
 *
 * @category constants
 * @since 0.1.0
 */
export const entries: ReadonlyArray<ReplyCode> = [
  entry(211, "system status or help", "HELP"),
  entry(214, "help", "HELP"),
  entry(220, "the service is ready", "connect", "STARTTLS", "XCLIENT"),
  entry(221, "the service closes the connection", "QUIT"),
  entry(235, "authentication succeeded", "AUTH"), // RFC 4954
  entry(250, "done"),
  entry(251, "the user is not local and the message will be forwarded", "RCPT", "VRFY", "ETRN"),
  entry(252, "the user cannot be verified and delivery will be tried", "VRFY", "EXPN", "ETRN"),
  entry(253, "pending messages are on their way", "ETRN"), // RFC 1985
  entry(334, "the authentication goes on", "AUTH"), // RFC 4954
  entry(354, "the server waits for the message", "DATA"),
  entry(355, "the server waits for the message from an offset on", "DATA"), // RFC 1845
  entry(421, "the service is not available and closes the connection"),
  entry(422, "the password has to be changed first", "AUTH"), // RFC 5248
  entry(430, "the command is out of place for now"), // RFC 5248
  entry(432, "the password has to be changed first", "AUTH"), // RFC 4954
  entry(450, "the mailbox is not available now", "RCPT", "MAIL", "data-end"),
  entry(451, "the server has a local error", "MAIL", "RCPT", "data-end"),
  entry(452, "the server lacks storage or the recipients are too many", "MAIL", "RCPT", "data-end"),
  entry(453, "the server has no mail or takes none now", "ATRN"), // RFC 2645, RFC 5248
  entry(454, "TLS or authentication is not available now", "STARTTLS", "AUTH"), // RFC 3207, RFC 4954
  entry(455, "the server cannot accommodate the parameters now", "MAIL", "RCPT"),
  entry(458, "messages cannot be queued for the node", "ETRN"), // RFC 1985
  entry(459, "the node is not allowed", "ETRN"),
  entry(500, "the command is unknown or too long"),
  entry(501, "an argument is malformed"),
  entry(502, "the command is not implemented"),
  entry(503, "the command is out of order"),
  entry(504, "a parameter is not implemented", "EHLO", "AUTH", "VRFY"),
  entry(521, "the host takes no mail", "connect", "EHLO"), // RFC 7504
  entry(523, "encryption is needed", "AUTH"), // RFC 5248
  entry(524, "the mechanism needs encryption", "AUTH"),
  entry(525, "the account is disabled", "AUTH"),
  entry(530, "TLS or authentication is needed first"), // RFC 3207, RFC 4954
  entry(533, "delivery is not authorised", "AUTH"), // RFC 5248
  entry(534, "the authentication mechanism is too weak", "AUTH"), // RFC 4954
  entry(535, "the credentials are invalid", "AUTH"),
  entry(538, "the mechanism needs encryption", "AUTH"),
  entry(550, "the mailbox is not available or policy refuses", "RCPT", "MAIL", "VRFY", "EXPN", "EHLO", "data-end"),
  entry(551, "the user is not local", "RCPT", "VRFY"),
  entry(552, "storage or size is exceeded", "MAIL", "RCPT", "data-end"),
  entry(553, "the mailbox name is not allowed", "MAIL", "RCPT", "VRFY"),
  entry(554, "the transaction failed or the host has no SMTP service", "connect", "DATA", "data-end"),
  entry(555, "a parameter of MAIL or RCPT is not recognised", "MAIL", "RCPT"),
  entry(556, "the domain takes no mail", "RCPT") // RFC 7504
]

const byCode: ReadonlyMap<number, ReplyCode> = new Map(entries.map((known) => [known.code, known]))

/**
 * What is known of a code, or undefined when it is not listed.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (code: number): ReplyCode | undefined => byCode.get(code)

const severityWords: Readonly<Record<Severity, string>> = {
  positive: "success",
  intermediate: "the server waits for more",
  transient: "temporary failure",
  permanent: "permanent failure"
}

/**
 * A code in words: its meaning, or that of its first digit when it is not listed.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describe = (code: number): string => {
  const known = find(code)
  if (known !== undefined) return known.meaning
  const severity = severityOf(code)
  return severity === undefined ? "not an SMTP reply code" : severityWords[severity]
}

/**
 * The codes that answer an occasion in order; `always` may come as well.
 *
 * @category models
 * @since 0.1.0
 */
export interface Expected {
  readonly success: ReadonlyArray<number>
  readonly intermediate: ReadonlyArray<number>
  readonly failure: ReadonlyArray<number>
}

/**
 * Codes that any command may get: closing, unknown command, malformed argument (RFC 5321 section 4.3.2).
 *
 * @category constants
 * @since 0.1.0
 */
export const always: ReadonlyArray<number> = [421, 500, 501]

const answers = (
  success: ReadonlyArray<number>,
  failure: ReadonlyArray<number> = [],
  intermediate: ReadonlyArray<number> = []
): Expected => ({ success, intermediate, failure })

const hello = answers([250], [502, 503, 504, 521, 550])
const mail = [450, 451, 452, 455, 503, 530, 550, 552, 553, 554, 555]
const direct = answers([250], [...mail, 502])

/**
 * Which codes each occasion may get (CMD-001 to CMD-020), those seen in practice included.
 *
 * @category constants
 * @since 0.1.0
 */
export const expected: Readonly<Record<Occasion, Expected>> = {
  connect: answers([220], [421, 521, 554]),
  EHLO: hello,
  HELO: hello,
  LHLO: hello,
  MAIL: answers([250], mail),
  RCPT: answers([250, 251], [450, 451, 452, 455, 503, 550, 551, 552, 553, 555, 556]),
  DATA: answers([], [503, 530, 554], [354, 355]),
  "data-end": answers([250], [450, 451, 452, 550, 552, 554]),
  BDAT: answers([250], [451, 452, 503, 552, 554]),
  RSET: answers([250]),
  VRFY: answers([250, 251, 252], [502, 504, 550, 551, 553]),
  EXPN: answers([250, 252], [502, 504, 550]),
  HELP: answers([211, 214, 250], [502, 504]),
  NOOP: answers([250]),
  QUIT: answers([221]),
  STARTTLS: answers([220], [454, 502, 503]),
  AUTH: answers([235], [422, 432, 454, 503, 504, 523, 524, 525, 530, 533, 534, 535, 538], [334]),
  ETRN: answers([250, 251, 252, 253], [458, 459, 502]),
  ATRN: answers([250], [450, 451, 453, 502, 530]), // RFC 2645
  TURN: answers([250], [502, 503]),
  XCLIENT: answers([220], [503, 521, 550, 554]),
  XFORWARD: answers([250], [503, 550]),
  SEND: direct,
  SOML: direct,
  SAML: direct
}

/**
 * Whether a code may answer an occasion. One that may not is still acted on by its first digit when that makes sense,
 * but a server that uses it deserves suspicion.
 *
 * @category guards
 * @since 0.1.0
 */
export const isExpected = (occasion: Occasion, code: number): boolean => {
  const { failure, intermediate, success } = expected[occasion]
  return [success, intermediate, failure, always].some((codes) => codes.includes(code))
}
