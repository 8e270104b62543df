/**
 * The mechanisms that need no more than a message or two: PLAIN, LOGIN, CRAM-MD5, EXTERNAL, XOAUTH2 and OAUTHBEARER,
 * each as a client. SCRAM has its own module.
 *
 * A server that sees the password prepares it for comparison itself (RFC 4616 section 2), so PLAIN and LOGIN send what
 * the user typed. Where the server sees a digest only, user name and password are prepared here (SASLprep, RFC 4013).
 *
 * @since 0.1.0
 */
import * as Hex from "effect/encoding/Hex"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Failure from "./Failure.ts"
import * as CredentialText from "./internal/credentialText.ts"
import * as Gs2 from "./internal/gs2.ts"
import * as Octets from "./internal/octets.ts"
import * as SaslExchange from "./SaslExchange.ts"

/**
 * A user name and a password.
 *
 * @category models
 * @since 0.1.0
 */
export interface PasswordOptions {
  readonly username: string
  readonly password: Redacted.Redacted
}

/**
 * A user name and an OAuth 2.0 access token.
 *
 * @category models
 * @since 0.1.0
 */
export interface TokenOptions {
  readonly username: string
  readonly token: Redacted.Redacted
}

// A mechanism whose first word is also its last.
function* sayOnce(message: Result.Result<string, Failure.Unmet>): SaslExchange.Exchange {
  if (Result.isFailure(message)) return message.failure
  yield SaslExchange.conclude(message.success)
  return SaslExchange.askedAgain
}

/**
 * PLAIN (RFC 4616): the password in clear text, so for TLS only. Returns `Unmet` when user name or password is empty or
 * has a NUL.
 *
 * @category mechanisms
 * @since 0.1.0
 */
export const plain = (
  options: PasswordOptions & { readonly authzid?: string | undefined }
): SaslExchange.Mechanism => ({
  name: "PLAIN",
  start: () =>
    sayOnce(
      Result.gen(function* () {
        const authzid = yield* CredentialText.authorization(options.authzid)
        const username = yield* CredentialText.verbatim("user name", options.username, /\0/)
        const password = yield* CredentialText.verbatim("password", Redacted.value(options.password), /\0/)
        return `${authzid}\0${username}\0${password}`
      })
    )
})

/**
 * LOGIN (draft-murchison-sasl-login): the password in clear text, so for TLS only, and PLAIN is better. Servers prompt
 * with various texts, not all of them base64, so prompts are never read. Returns `Unmet` as PLAIN does.
 *
 * @category mechanisms
 * @since 0.1.0
 */
export const login = (options: PasswordOptions): SaslExchange.Mechanism => ({
  name: "LOGIN",
  ignoresChallenges: true,
  start: () => loginExchange(options)
})

function* loginExchange(options: PasswordOptions): SaslExchange.Exchange {
  const username = CredentialText.verbatim("user name", options.username, /\0/)
  if (Result.isFailure(username)) return username.failure
  const password = CredentialText.verbatim("password", Redacted.value(options.password), /\0/)
  if (Result.isFailure(password)) return password.failure
  yield SaslExchange.listen
  yield SaslExchange.respond(username.success)
  yield SaslExchange.conclude(password.success)
  return SaslExchange.askedAgain
}

/**
 * CRAM-MD5 (RFC 2195): a digest instead of the password, but one that can be guessed against at leisure and that proves
 * nothing about the server. Returns `Unmet` when user name or password cannot be prepared.
 *
 * @category mechanisms
 * @since 0.1.0
 */
export const cramMd5 = (options: PasswordOptions): SaslExchange.Mechanism => ({
  name: "CRAM-MD5",
  start: () => cramMd5Exchange(options)
})

function* cramMd5Exchange(options: PasswordOptions): SaslExchange.Exchange {
  const username = CredentialText.prepared("user name", options.username)
  if (Result.isFailure(username)) return username.failure
  const password = CredentialText.prepared("password", Redacted.value(options.password))
  if (Result.isFailure(password)) return password.failure
  const challenge = yield SaslExchange.listen
  if (challenge.length === 0) return SaslExchange.badChallenge("the server's CRAM-MD5 challenge is empty")
  const digest = yield* SaslExchange.hmac("MD5", Octets.utf8(password.success), challenge)
  yield SaslExchange.conclude(`${username.success} ${Hex.encode(digest)}`)
  return SaslExchange.askedAgain
}

/**
 * EXTERNAL (RFC 4422 appendix A): the identity is the one of the TLS client certificate; `authzid` asks to act as
 * another.
 *
 * @category mechanisms
 * @since 0.1.0
 */
export const external = (options: { readonly authzid?: string | undefined } = {}): SaslExchange.Mechanism => ({
  name: "EXTERNAL",
  start: () => sayOnce(CredentialText.authorization(options.authzid))
})

/**
 * OAUTHBEARER (RFC 7628): an access token, as good as a password, so for TLS only. `host` and `port` are those that the
 * client connected to. A server's refusal comes as a challenge; it is parsed to the `refusal` of the answer.
 *
 * Returns `Unmet` when the user name has a control character or the token is not visible ASCII.
 *
 * @category mechanisms
 * @since 0.1.0
 */
export const oauthBearer = (
  options: TokenOptions & { readonly host?: string | undefined; readonly port?: number | undefined }
): SaslExchange.Mechanism => ({
  name: "OAUTHBEARER",
  start: () =>
    bearer(
      Result.gen(function* () {
        const username = yield* CredentialText.verbatim("user name", options.username, controls)
        const token = yield* CredentialText.verbatim("token", Redacted.value(options.token), notVisible)
        const host = options.host === undefined ? [] : [`host=${yield* hostName(options.host)}`]
        const port = options.port === undefined ? [] : [`port=${options.port}`]
        return [`n,${Gs2.authorization(username)},`, ...host, ...port, `auth=Bearer ${token}`, "", ""].join(separator)
      }),
      separator,
      options
    )
})

const hostName = (host: string) => CredentialText.verbatim("server's name", host, notVisible)

/**
 * XOAUTH2 (Google, Microsoft): what OAUTHBEARER was before it became a standard. Returns and refuses as OAUTHBEARER
 * does.
 *
 * @category mechanisms
 * @since 0.1.0
 */
export const xoauth2 = (options: TokenOptions): SaslExchange.Mechanism => ({
  name: "XOAUTH2",
  start: () =>
    bearer(
      Result.gen(function* () {
        const username = yield* CredentialText.verbatim("user name", options.username, controls)
        const token = yield* CredentialText.verbatim("token", Redacted.value(options.token), notVisible)
        return [`user=${username}`, `auth=Bearer ${token}`, "", ""].join(separator)
      }),
      "",
      options
    )
})

const separator = "\x01"
const controls = /[\x00-\x1f\x7f]/
const notVisible = /[^\x21-\x7e]/

// A challenge after the token is the server's refusal; the reply that ends the exchange follows `acknowledgement`.
function* bearer(
  message: Result.Result<string, Failure.Unmet>,
  acknowledgement: string,
  { token }: TokenOptions
): SaslExchange.Exchange {
  if (Result.isFailure(message)) return message.failure
  const refusal = readRefusal(yield SaslExchange.conclude(message.success))
  yield SaslExchange.respond(acknowledgement, refusal && withoutSecret(refusal, Redacted.value(token)))
  return SaslExchange.askedAgain
}

// A server may say again what it was told, and its words are shown to people.
const withoutSecret = (refusal: SaslExchange.Refusal, secret: string): SaslExchange.Refusal => {
  const { openidConfiguration, schemes, scope, status } = refusal
  const hide = (words: string): string => words.replaceAll(secret, "***")
  return new SaslExchange.Refusal({
    status: hide(status),
    ...(scope === undefined ? {} : { scope: hide(scope) }),
    ...(schemes === undefined ? {} : { schemes: hide(schemes) }),
    ...(openidConfiguration === undefined ? {} : { openidConfiguration: hide(openidConfiguration) })
  })
}

// Somebody will read these words in a log.
const words = Schema.String.check(Schema.isPattern(/^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$/))

const RefusalJson = Schema.fromJsonString(
  Schema.Struct({
    status: words,
    scope: Schema.optional(words),
    schemes: Schema.optional(words),
    "openid-configuration": Schema.optional(words)
  })
)

/**
 * Reads the JSON by which a server refuses a token (RFC 7628 section 3.2.2); undefined when it is something else.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readRefusal = (challenge: Uint8Array): SaslExchange.Refusal | undefined =>
  Option.getOrUndefined(
    Option.map(
      Schema.decodeUnknownOption(RefusalJson)(Octets.fromUtf8(challenge)),
      ({ "openid-configuration": openidConfiguration, ...refusal }) =>
        new SaslExchange.Refusal({ ...refusal, ...(openidConfiguration === undefined ? {} : { openidConfiguration }) })
    )
  )

/**
 * Writes the JSON by which a server refuses a token.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeRefusal = ({ openidConfiguration, ...refusal }: SaslExchange.Refusal): Uint8Array =>
  Octets.utf8(
    JSON.stringify(
      openidConfiguration === undefined ? refusal : { ...refusal, "openid-configuration": openidConfiguration }
    )
  )
