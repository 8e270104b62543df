/**
 * The registry of enhanced status codes (RFC 3463, RFC 5248 and the extensions cited at each group), as data: what each
 * subject and detail mean and with which reply codes they go. The class is not part of an entry, as any may have any.
 *
 * @since 0.1.0
 */

/**
 * One registered `X.subject.detail`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly subject: number
  readonly detail: number
  /** What happened, as a phrase that follows the words for the class. */
  readonly meaning: string
  /** Reply codes that the registry lists with it; empty when it lists none or any. */
  readonly codes: ReadonlyArray<number>
}

const subject =
  (number: number) =>
  (detail: number, meaning: string, ...codes: ReadonlyArray<number>): Entry => ({
    subject: number,
    detail,
    meaning,
    codes
  })

const other = subject(0)
const address = subject(1)
const mailbox = subject(2)
const system = subject(3)
const network = subject(4)
const protocol = subject(5)
const content = subject(6)
const security = subject(7)

/**
 * All entries, by subject and detail (ESC-010 to ESC-086).
 *
 * @category constants
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Entry> = [
  other(0, "no further detail is known"),

  address(0, "something is wrong with an address"),
  address(1, "no such mailbox", 451, 550),
  address(2, "no such mail domain"),
  address(3, "the recipient address is malformed", 501),
  address(4, "the recipient address is ambiguous"),
  address(5, "the recipient address is valid", 250),
  address(6, "the mailbox has moved and left no forwarding address"),
  address(7, "the sender address is malformed"),
  address(8, "the sender domain does not exist or takes no mail", 451, 501),
  address(9, "relayed to a system that gives no delivery reports"), // RFC 3886
  address(10, "the recipient domain takes no mail (null MX)", 556), // RFC 7505

  mailbox(0, "something is wrong with the mailbox"),
  mailbox(1, "the mailbox is disabled and takes no messages"),
  mailbox(2, "the mailbox is full", 552),
  mailbox(3, "the message is larger than the mailbox allows", 552),
  mailbox(4, "the mailing list cannot be expanded", 450, 452),

  system(0, "something is wrong with the mail system", 221, 250, 421, 451, 550, 554),
  system(1, "the mail system has no storage left", 452),
  system(2, "the mail system takes no messages now", 421, 453),
  system(3, "the mail system lacks a feature that the message needs"),
  system(4, "the message is larger than the mail system allows", 552, 554),
  system(5, "the mail system is misconfigured"),
  system(6, "the requested priority was changed", 250), // RFC 6710

  network(0, "something is wrong with the network or the routing"),
  network(1, "the next host does not answer", 451),
  network(2, "the connection broke or cannot carry the message", 421),
  network(3, "the directory or name server failed", 451, 550),
  network(4, "no route to the next host is known"),
  network(5, "the mail system is congested", 451),
  network(6, "the message goes in a loop"),
  network(7, "the time for delivery has run out"),

  protocol(
    0,
    "something is wrong with the dialogue",
    220,
    250,
    251,
    252,
    253,
    451,
    452,
    454,
    458,
    459,
    501,
    502,
    503,
    554
  ),
  protocol(1, "the command is unknown or out of place", 430, 500, 501, 503, 530, 550, 554, 555),
  protocol(2, "the command is malformed", 500, 501, 502, 550, 555),
  protocol(3, "the message has too many recipients", 451, 452),
  protocol(4, "the command's arguments are invalid", 451, 501, 502, 503, 504, 550, 555),
  protocol(5, "the two sides speak different versions of the protocol"),
  protocol(6, "a line of the authentication is too long", 500), // RFC 4954

  content(0, "something is wrong with the content"),
  content(1, "the content's type is not supported"),
  content(2, "the content would have to be converted, which is prohibited"),
  content(3, "the content would have to be converted, which is not supported", 554),
  content(4, "the content was converted and lost something", 250),
  content(5, "the content could not be converted"),
  content(6, "the content is not available", 554), // RFC 4468
  content(7, "the recipient's system does not permit non-ASCII addresses", 550, 553), // RFC 6531
  content(8, "the reply needs UTF-8, which the client did not permit", 252, 550),
  content(9, "the UTF-8 headers cannot be passed on", 554),

  security(0, "something is wrong with security or policy", 220, 235, 450, 454, 500, 501, 503, 504, 530, 535, 550),
  security(1, "the server's policy does not permit this delivery", 451, 454, 502, 503, 533, 550, 551),
  security(2, "the sender may not write to this mailing list", 550),
  security(3, "the message would have to be secured differently, which is impossible"),
  security(4, "a needed security feature is not supported", 504),
  security(5, "cryptography failed"),
  security(6, "the cryptographic algorithm is not supported"),
  security(7, "the message was altered on its way"),
  security(8, "the credentials are invalid", 535, 554), // RFC 4954
  security(9, "the authentication mechanism is too weak", 534),
  security(10, "encryption is needed", 523), // RFC 5248
  security(11, "the authentication mechanism needs encryption", 524, 538), // RFC 4954
  security(12, "the password has to be changed first", 422, 432),
  security(13, "the account is disabled", 525), // RFC 5248
  security(14, "a trust relationship with another server is needed", 535, 554),
  security(15, "the message's priority is too low", 450, 550), // RFC 6710
  security(16, "the message is too large for its priority", 552),
  security(17, "the mailbox has another owner now"), // RFC 7293
  security(18, "the domain has another owner now"),
  security(19, "whether the mailbox changed its owner cannot be told"),
  security(20, "no DKIM signature is valid", 550), // RFC 7372
  security(21, "no DKIM signature is acceptable", 550),
  security(22, "no valid DKIM signature is the author's", 550),
  security(23, "the SPF check failed", 550),
  security(24, "the SPF check ended in an error", 451, 550),
  security(25, "the client's address has no valid reverse DNS", 550),
  security(26, "several authentication checks failed", 550),
  security(27, "the sender domain takes no mail (null MX)", 550), // RFC 7505
  security(28, "too much mail came in a short time"),
  security(29, "the ARC chain is not valid", 550), // RFC 8617
  security(30, "the next server does not support REQUIRETLS", 550) // RFC 8689
]

const byNumbers: ReadonlyMap<string, Entry> = new Map(
  entries.map((entry) => [`${entry.subject}.${entry.detail}`, entry])
)

/**
 * The entry of a subject and a detail, or undefined when it is not registered.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (subject: number, detail: number): Entry | undefined => byNumbers.get(`${subject}.${detail}`)
