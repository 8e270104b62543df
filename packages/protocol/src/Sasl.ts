/**
 * Which mechanism to authenticate with: credentials, what the session offers and a policy go in, the mechanisms to try
 * come out, best first. A secret is never given to a mechanism that would show it to whoever listens, unless somebody
 * has said so in as many words.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Failure from "./Failure.ts"
import { upperCase } from "./internal/text.ts"
import * as SaslExchange from "./SaslExchange.ts"
import * as SaslMechanism from "./SaslMechanism.ts"
import * as Scram from "./Scram.ts"

const authzid = {
  /** The identity to act as, when it is not the user's own; LOGIN and CRAM-MD5 have no place for it. */
  authzid: Schema.optional(Schema.String)
}

/**
 * A user name and a password.
 *
 * @category models
 * @since 0.1.0
 */
export class Password extends Schema.TaggedClass<Password>("@effect-mail/protocol/Sasl/Password")("Password", {
  username: Schema.String,
  password: Schema.Redacted(Schema.String),
  ...authzid
}) {}

/**
 * A user name and an OAuth 2.0 access token.
 *
 * @category models
 * @since 0.1.0
 */
export class Token extends Schema.TaggedClass<Token>("@effect-mail/protocol/Sasl/Token")("Token", {
  username: Schema.String,
  token: Schema.Redacted(Schema.String)
}) {}

/**
 * The TLS client certificate that the session shows.
 *
 * @category models
 * @since 0.1.0
 */
export class External extends Schema.TaggedClass<External>("@effect-mail/protocol/Sasl/External")(
  "External",
  authzid
) {}

/**
 * Schema of credentials.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Credentials = Schema.Union([Password, Token, External])

/**
 * What the client authenticates with.
 *
 * @category models
 * @since 0.1.0
 */
export type Credentials = typeof Credentials.Type

/**
 * The mechanisms that can be chosen.
 *
 * @category models
 * @since 0.1.0
 */
export type Name =
  | "EXTERNAL"
  | "SCRAM-SHA-256-PLUS"
  | "SCRAM-SHA-1-PLUS"
  | "SCRAM-SHA-256"
  | "SCRAM-SHA-1"
  | "OAUTHBEARER"
  | "XOAUTH2"
  | "CRAM-MD5"
  | "PLAIN"
  | "LOGIN"

/**
 * What is known of the session that the authentication will run in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  /** The mechanisms of the EHLO reply, in any case and order. */
  readonly offered: ReadonlyArray<string>
  /** Whether TLS protects the session. */
  readonly encrypted: boolean
  /** Whether a client certificate was shown in the TLS handshake. */
  readonly clientCertificate?: boolean | undefined
  /** What a -PLUS mechanism can bind to, when the platform tells. */
  readonly channelBinding?: Scram.ChannelBinding | undefined
  /** The server's name as it was connected to, for OAUTHBEARER. */
  readonly host?: string | undefined
  /** The server's port, for OAUTHBEARER. */
  readonly port?: number | undefined
}

/**
 * What may be tried.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /** The mechanisms that may be used, best first. */
  readonly mechanisms: ReadonlyArray<Name>
  /** Whether passwords and tokens may be sent readably over a connection without TLS. */
  readonly allowSecretsInClearText: boolean
  /** The fewest SCRAM rounds to accept. */
  readonly minimumIterations: number
}

/**
 * The policy by default: proofs before secrets, bound to the TLS session before unbound, PLAIN before LOGIN; no secret
 * in clear text; not CRAM-MD5, which has to be put into `mechanisms`.
 *
 * @category constants
 * @since 0.1.0
 */
export const standard: Policy = {
  mechanisms: [
    "EXTERNAL",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "OAUTHBEARER",
    "XOAUTH2",
    "PLAIN",
    "LOGIN"
  ],
  allowSecretsInClearText: false,
  minimumIterations: Scram.minimumIterations
}

/**
 * The mechanisms to try in this session, best first: those that the policy names, the credentials fit and the server
 * offers. Without TLS, PLAIN, LOGIN, OAUTHBEARER and XOAUTH2 are left out, unless `allowSecretsInClearText` (RFC 4954
 * section 4, CLASS-32).
 *
 * Fails with `Unmet` when none is left; it says what the server offers, what we have and what would help.
 *
 * @category constructors
 * @since 0.1.0
 */
export const choose = (
  credentials: Credentials,
  session: Session,
  policy: Partial<Policy> = {}
): Result.Result<Array.NonEmptyReadonlyArray<SaslExchange.Mechanism>, Failure.Unmet> => {
  const rules = { ...standard, ...policy }
  const offered = new Set(session.offered.map(upperCase))
  const usable = rules.mechanisms.flatMap((name) => mechanism(name, credentials, session, rules) ?? [])
  const shared = usable.filter(({ name }) => offered.has(name))
  const safe = shared.filter(({ name }) => session.encrypted || rules.allowSecretsInClearText || !showsSecret(name))
  return Array.isReadonlyArrayNonEmpty(safe)
    ? Result.succeed(safe)
    : Result.fail(explain(credentials, session, usable, shared))
}

const showsSecret = (name: string): boolean => ["OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"].includes(name)

const mechanism = (name: Name, credentials: Credentials, session: Session, rules: Policy) => {
  if (credentials._tag === "Password") return forPassword(name, credentials, session, rules)
  if (credentials._tag === "Token") return forToken(name, credentials, session)
  return name === "EXTERNAL" && session.clientCertificate === true ? SaslMechanism.external(credentials) : undefined
}

const forPassword = (name: Name, credentials: Password, session: Session, rules: Policy) => {
  switch (name) {
    case "SCRAM-SHA-256-PLUS":
    case "SCRAM-SHA-1-PLUS":
      return session.channelBinding === undefined
        ? undefined
        : Scram.client({ ...scram(name, credentials, rules), binding: session.channelBinding })
    case "SCRAM-SHA-256":
    case "SCRAM-SHA-1":
      return Scram.client({ ...scram(name, credentials, rules), binding: unbound(session) })
    case "CRAM-MD5":
      return credentials.authzid === undefined ? SaslMechanism.cramMd5(credentials) : undefined
    case "PLAIN":
      return SaslMechanism.plain(credentials)
    case "LOGIN":
      return credentials.authzid === undefined ? SaslMechanism.login(credentials) : undefined
    default:
      return undefined
  }
}

const forToken = (name: Name, { username, token }: Token, { host, port }: Session) => {
  switch (name) {
    case "OAUTHBEARER":
      return SaslMechanism.oauthBearer({ username, token, host, port })
    case "XOAUTH2":
      return SaslMechanism.xoauth2({ username, token })
    default:
      return undefined
  }
}

const scram = (name: Name, { username, password, authzid }: Password, { minimumIterations }: Policy) => ({
  hash: name.startsWith("SCRAM-SHA-256") ? ("SHA-256" as const) : ("SHA-1" as const),
  username,
  password,
  authzid,
  minimumIterations
})

// "We could have bound" is said only to a server that offers no -PLUS at all: to any other it would be a false alarm.
const unbound = ({ offered, channelBinding }: Session): "unadvertised" | undefined =>
  channelBinding === undefined || offered.some((name) => upperCase(name).endsWith("-PLUS")) ? undefined : "unadvertised"

const explain = (
  credentials: Credentials,
  session: Session,
  usable: ReadonlyArray<SaslExchange.Mechanism>,
  shared: ReadonlyArray<SaslExchange.Mechanism>
): Failure.Unmet => {
  const offers = `the server offers ${session.offered.length === 0 ? "no authentication" : listed(session.offered)}`
  if (shared.length > 0) {
    return SaslExchange.unusable(
      `${offers}, and ${listed(names(shared))} would send the ${secret(credentials)} readably over a connection without TLS`,
      "Use TLS (port 465, or STARTTLS on port 587), or set allowSecretsInClearText if nobody can listen on this connection"
    )
  }
  if (credentials._tag === "External" && session.clientCertificate !== true) {
    return SaslExchange.unusable(
      `${offers}, and no client certificate was shown in this session, which is what EXTERNAL stands on`,
      "Configure a client certificate for TLS, or give a password or a token instead"
    )
  }
  if (session.offered.length === 0) {
    return SaslExchange.unusable(
      `${offers}, and there are credentials for it`,
      session.encrypted
        ? "Use the server's submission port (465 or 587), or remove the credentials for this server"
        : "Many servers offer it under TLS only: use port 465, or STARTTLS on port 587, or remove the credentials"
    )
  }
  return SaslExchange.unusable(
    `${offers}, and the ${secret(credentials)} that we have can be used with ${listed(names(usable))}`,
    session.offered.some((name) => upperCase(name) === "CRAM-MD5") && credentials._tag === "Password"
      ? "Add CRAM-MD5 to the policy's mechanisms if the server can do nothing better"
      : "Give credentials that fit one of the server's mechanisms"
  )
}

const secret = (credentials: Credentials): string =>
  credentials._tag === "Password" ? "password" : credentials._tag === "Token" ? "token" : "client certificate"

const names = (mechanisms: ReadonlyArray<SaslExchange.Mechanism>) => mechanisms.map(({ name }) => name)

// A peer's list is cut to a length that people read.
const listed = (words: ReadonlyArray<string>): string =>
  words.length === 0
    ? "no mechanism"
    : words
        .map((word) => word.slice(0, 20))
        .slice(0, 20)
        .join(" ")
